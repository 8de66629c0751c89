import { SignJWT } from "jose";
import { jwtVerify } from "jose";

import { run } from "../run.mjs";

const secret = new TextEncoder().encode("a secret of thirty-two bytes....");

async function roundTrip(subject) {
  const token = await new SignJWT({ role: "admin" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .sign(secret);
  const { payload } = await jwtVerify(token, secret);
  return payload;
}

// Reason: an import() in a task is part of the case.
run([roundTrip, "ada"], [async () => (await import("jose")).base64url.encode("hi")]);
