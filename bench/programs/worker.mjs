// The worker file of tinypool, piscina and jest-worker.
export function run(x) {
  return x;
}

/** A 32-bit step that V8 can't fold away. */
export function churn(steps) {
  let state = 1;
  for (let step = 0; step < steps; step += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}
