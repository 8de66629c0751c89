/** usableCpuCount, with the files of many kinds of machines. */

import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe } from "node:test";
import { test } from "node:test";

import { countCpus } from "../../../src/system/cpu-count.js";
import { usableCpuCount } from "../../../src/system/cpu-count.js";

const V2_MOUNT = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1_MOUNT = "33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";

function count(files: Readonly<Record<string, string>>, cpus = 8, platform: NodeJS.Platform = "linux"): number {
  return countCpus({ platform, availableParallelism: () => cpus, readText: (path) => files[path] });
}

function countV2(path: string, limits: Readonly<Record<string, string>>, mount = V2_MOUNT): number {
  return count({ "/proc/self/cgroup": `0::${path}\n`, "/proc/self/mountinfo": mount, ...limits });
}

function countV1(path: string, limits: Readonly<Record<string, string>>, mount = V1_MOUNT): number {
  const cgroup = `5:memory:/elsewhere\n4:cpu,cpuacct:${path}\n0::/\n`;
  return count({ "/proc/self/cgroup": cgroup, "/proc/self/mountinfo": mount, ...limits });
}

describe("the CPUs that this process may use", () => {
  test("on this machine, at least one and at most those of the affinity", () => {
    assert.ok(usableCpuCount() >= 1);
    assert.ok(usableCpuCount() <= availableParallelism());
  });

  test("without files, or on another platform, the affinity decides", () => {
    assert.equal(count({}), 8);
    const limited = {
      "/proc/self/cgroup": "0::/\n",
      "/proc/self/mountinfo": V2_MOUNT,
      "/sys/fs/cgroup/cpu.max": "1 1",
    };
    assert.equal(count(limited), 1);
    assert.equal(count(limited, 8, "darwin"), 8);
  });

  test("version 2: the quota is rounded up", () => {
    assert.equal(countV2("/", { "/sys/fs/cgroup/cpu.max": "150000 100000\n" }), 2);
    assert.equal(countV2("/", { "/sys/fs/cgroup/cpu.max": "200000 100000\n" }), 2);
    assert.equal(countV2("/", { "/sys/fs/cgroup/cpu.max": "1000 100000\n" }), 1);
    assert.equal(countV2("/", { "/sys/fs/cgroup/cpu.max": "9900000 100000\n" }), 8);
  });

  test('version 2: "max" is no limit', () => {
    assert.equal(countV2("/a", { "/sys/fs/cgroup/a/cpu.max": "max 100000\n" }), 8);
  });

  test("version 2: the smallest quota on the way up counts", () => {
    const limits = {
      "/sys/fs/cgroup/a/b/c/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/a/b/cpu.max": "300000 100000\n",
      "/sys/fs/cgroup/a/cpu.max": "500000 100000\n",
      "/sys/fs/cgroup/other/cpu.max": "100000 100000\n",
    };
    assert.equal(countV2("/a/b/c", limits), 3);
    assert.equal(countV2("/a", limits), 5);
  });

  test("version 2: a part of the hierarchy is mounted", () => {
    const mount = "29 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n";
    assert.equal(countV2("/docker/abc", { "/sys/fs/cgroup/cpu.max": "200000 100000" }, mount), 2);
    assert.equal(countV2("/docker/abc/x", { "/sys/fs/cgroup/x/cpu.max": "100000 100000" }, mount), 1);
    assert.equal(countV2("/docker/abcd", { "/sys/fs/cgroup/d/cpu.max": "100000 100000" }, mount), 8);
  });

  test("version 2: a path outside of what is mounted leaves the top of the mount", () => {
    const limits = { "/sys/fs/cgroup/cpu.max": "400000 100000", "/sys/fs/x/cpu.max": "100000 100000" };
    assert.equal(countV2("/../x", limits), 4);
    assert.equal(countV2("/q", limits, "29 23 0:26 /docker /sys/fs/cgroup ro - cgroup2 cgroup ro\n"), 4);
  });

  test("version 1: quota by period, -1 being no limit, the smallest on the way up", () => {
    const top = "/sys/fs/cgroup/cpu,cpuacct";
    assert.equal(countV1("/", { [`${top}/cpu.cfs_quota_us`]: "-1\n", [`${top}/cpu.cfs_period_us`]: "100000\n" }), 8);
    assert.equal(
      countV1("/", { [`${top}/cpu.cfs_quota_us`]: "250000\n", [`${top}/cpu.cfs_period_us`]: "100000\n" }),
      3,
    );
    const limits = {
      [`${top}/a/b/cpu.cfs_quota_us`]: "400000\n",
      [`${top}/a/b/cpu.cfs_period_us`]: "100000\n",
      [`${top}/a/cpu.cfs_quota_us`]: "100000\n",
      [`${top}/a/cpu.cfs_period_us`]: "50000\n",
    };
    assert.equal(countV1("/a/b", limits), 2);
  });

  test("version 1: only the hierarchy of the controller cpu counts", () => {
    const mount = "33 30 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n";
    const limits = { "/sys/fs/cgroup/cpuacct/cpu.cfs_quota_us": "1", "/sys/fs/cgroup/cpuacct/cpu.cfs_period_us": "1" };
    assert.equal(countV1("/", limits, mount), 8);
  });

  test("both versions mounted: the smaller limit counts", () => {
    const limits = {
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "500000",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "/sys/fs/cgroup/unified/cpu.max": "200000 100000",
    };
    assert.equal(countV1("/", limits, V1_MOUNT + V2_MOUNT.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")), 2);
  });

  test("a mount point with spaces and a path with colons are read", () => {
    const mount = "29 23 0:26 / /sys/fs/c\\040group rw - cgroup2 cgroup2 rw\n";
    assert.equal(countV2("/a:b", { "/sys/fs/c group/a:b/cpu.max": "100000 100000" }, mount), 1);
  });

  test("malformed files limit nothing", () => {
    for (const text of ["", "\n", "lots", "0 100000", "-5 100000", "100000", "100000 0", "NaN NaN"]) {
      assert.equal(countV2("/", { "/sys/fs/cgroup/cpu.max": text }), 8, JSON.stringify(text));
    }
    assert.equal(countV2("/", { "/sys/fs/cgroup/cpu.max": "100000 100000" }, "29 23\n - \n - cgroup2\nnonsense"), 8);
    assert.equal(count({ "/proc/self/cgroup": "nonsense\n0\n::\n", "/proc/self/mountinfo": V2_MOUNT }), 8);
    assert.equal(count({}, 0), 1);
  });
});
