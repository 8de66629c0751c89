process.on("message", ({ i, x }) => process.send({ i, value: x }));
