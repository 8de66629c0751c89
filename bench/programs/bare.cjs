// A program that does nothing: what Node.js takes itself.
process.exitCode = 0;
