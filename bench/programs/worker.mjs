// The worker file of tinypool, piscina and jest-worker.
export default function run(x) {
  return x;
}

export { run };
