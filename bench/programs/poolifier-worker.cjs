const { ClusterWorker } = require("poolifier");

module.exports = new ClusterWorker((x) => x);
