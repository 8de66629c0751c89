import semver from "semver";

import { run } from "../run.mjs";

const current = new semver.SemVer("1.4.2");
const range = new semver.Range(">=1.2.0 <2");

function newest(versions) {
  return semver.maxSatisfying(versions, range);
}

function isNewer(version) {
  return semver.gt(version, current);
}

run([newest, ["1.1.0", "1.9.3", "2.0.0"]], [isNewer, "1.5.0"], [(kind) => semver.inc("1.2.3", kind), "minor"]);
