/**
 * Reads the CPU quota that cgroups, version 1 and 2, put on this process.
 *
 * Source: cgroups(7), proc_pid_cgroup(5), proc_pid_mountinfo(5), and the kernel's admin-guide/cgroup-v2.rst
 * (`cpu.max`) and scheduler/sched-bwc.rst (`cpu.cfs_quota_us`).
 */

/** Reads a text file; `undefined` when it can't be read. */
export type TextReader = (path: string) => string | undefined;

/** One mounted hierarchy of cgroups. */
interface CgroupMount {
  /** The cgroup that is mounted here, as /proc/self/cgroup names it. */
  readonly root: string;
  readonly mountPoint: string;
  readonly version: 1 | 2;
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));
}

function parseMount(line: string): CgroupMount | undefined {
  // 36 35 0:31 /root /mount/point rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct
  const [before, after] = line.split(" - ");
  const [, , , root, mountPoint] = before?.split(" ") ?? [];
  const [type, , superOptions] = after?.split(" ") ?? [];
  if (root === undefined || mountPoint === undefined) return undefined;
  const places = { root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint) };
  if (type === "cgroup2") return { ...places, version: 2 };
  if (type === "cgroup" && superOptions?.split(",").includes("cpu") === true) return { ...places, version: 1 };
  return undefined;
}

/** The path of this process's cgroup in the hierarchy that rules the CPU. */
function ownPath(cgroupText: string, version: 1 | 2): string | undefined {
  for (const line of cgroupText.split("\n")) {
    // hierarchy:controllers:path, and the path may hold colons.
    const [hierarchy, controllers, ...path] = line.split(":");
    if (controllers === undefined || path.length === 0) continue;
    const isIt = version === 2 ? hierarchy === "0" && controllers === "" : controllers.split(",").includes("cpu");
    if (isIt) return path.join(":");
  }
  return undefined;
}

/** The folders from the process's own cgroup up to the mount point: a limit on each of them counts. */
function foldersUpwards({ root, mountPoint }: CgroupMount, path: string): string[] {
  const base = root === "/" ? "" : root;
  // In a container the mount often shows another part of the hierarchy than the path names; then only its top is
  // known.
  const isBelow = (path === base || path.startsWith(`${base}/`)) && !path.split("/").includes("..");
  const names = isBelow
    ? path
        .slice(base.length)
        .split("/")
        .filter((name) => name !== "")
    : [];
  const top = mountPoint === "/" ? "" : mountPoint;
  return Array.from({ length: names.length + 1 }, (_, index) =>
    [top, ...names.slice(0, names.length - index)].join("/"),
  );
}

function toCpus(quotaText: string | undefined, periodText: string | undefined): number {
  const quota = Number(quotaText);
  const period = Number(periodText);
  // "max" (version 2) and -1 (version 1) mean no limit; and what can't be read limits nothing.
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function quotaOf(folder: string, version: 1 | 2, read: TextReader): number {
  if (version === 2) {
    const [quota, period] = read(`${folder}/cpu.max`)?.trim().split(/\s+/) ?? [];
    return toCpus(quota, period);
  }
  return toCpus(read(`${folder}/cpu.cfs_quota_us`)?.trim(), read(`${folder}/cpu.cfs_period_us`)?.trim());
}

/** The smallest CPU quota on the way from this process's cgroup to the top, in CPUs; `Infinity` without one. */
export function cgroupCpuQuota(read: TextReader): number {
  const cgroupText = read("/proc/self/cgroup") ?? "";
  const mountText = read("/proc/self/mountinfo") ?? "";
  let smallest = Number.POSITIVE_INFINITY;
  for (const line of mountText.split("\n")) {
    const mount = parseMount(line);
    const path = mount && ownPath(cgroupText, mount.version);
    if (mount === undefined || path === undefined) continue;
    for (const folder of foldersUpwards(mount, path)) {
      smallest = Math.min(smallest, quotaOf(folder, mount.version, read));
    }
  }
  return smallest;
}
