import { z } from "zod";

import { run } from "../run.mjs";

const User = z.object({
  name: z.string().min(2),
  email: z.email(),
  age: z.number().int().positive().optional(),
  roles: z.array(z.enum(["admin", "user"])).default(["user"]),
});
const Shape = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("circle"), radius: z.number() }),
  z.object({ kind: z.literal("square"), side: z.coerce.number() }),
]);

function validate(input) {
  const result = User.safeParse(input);
  return result.success ? result.data : result.error.issues.map((issue) => issue.path.join("."));
}

const area = (input) => {
  const shape = Shape.parse(input);
  return shape.kind === "circle" ? shape.radius ** 2 : shape.side ** 2;
};

run(
  [validate, { name: "Ada", email: "ada@example.org" }],
  [validate, { name: "A", age: -1 }],
  [area, { kind: "square", side: "4" }],
);
