const { ClusterWorker } = require("poolifier");

function churn(steps) {
  let state = 1;
  for (let step = 0; step < steps; step += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

module.exports = new ClusterWorker({ run: (x) => x, churn });
