/** How throughput and memory grow with workers and with payloads: asynccpu and the raw limit. */

import { ASYNCCPU } from "./contender-names.js";
import { RAW_LIMIT } from "./contender-names.js";
import { formatFigure } from "./results.js";
import { layOutTable } from "./report.js";
import { median } from "./measure.js";
import { runProbe } from "./run-probe.js";
import { showProgress } from "./progress.js";

const PROBE = new URL("./scale-probe.js", import.meta.url);
const POINT_LIMIT_MS = 300_000;
const ROUNDS = 3;

const KIB = 1024;
const MIB = 1024 ** 2;
const WORKER_COUNTS = [1, 2, 4, 8, 16];
const PAYLOADS_BYTES = [0, KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB];

/** What was measured at one point, a list a figure, one a round. */
export interface ScalePoint {
  readonly contender: string;
  readonly kind: "workers" | "payload";
  readonly value: number;
  readonly samples: Readonly<Record<string, readonly number[]>>;
  readonly failure: string | undefined;
}

/** A point of both contenders, in turns, so that a slow spell of the machine meets both. */
async function measurePoint(kind: ScalePoint["kind"], value: number, rounds: number): Promise<ScalePoint[]> {
  const points = [ASYNCCPU, RAW_LIMIT].map((contender) => ({
    contender,
    kind,
    value,
    samples: {} as Record<string, number[]>,
    failure: undefined as string | undefined,
  }));
  for (let round = 1; round <= rounds; round += 1) {
    for (const point of points) {
      if (point.failure !== undefined) continue;
      showProgress(`${kind} ${value} of ${point.contender}, ${round} of ${rounds}`);
      const outcome = await runProbe(PROBE, [point.contender, kind, String(value)], POINT_LIMIT_MS);
      if ("failure" in outcome) point.failure = outcome.failure;
      else for (const [key, figure] of Object.entries(outcome.figures)) (point.samples[key] ??= []).push(figure);
    }
  }
  return points;
}

/** Measures every point; once with `isQuick`. */
export async function runScale(isQuick: boolean): Promise<ScalePoint[]> {
  const rounds = isQuick ? 1 : ROUNDS;
  const points: ScalePoint[] = [];
  for (const count of WORKER_COUNTS) points.push(...(await measurePoint("workers", count, rounds)));
  for (const sizeBytes of PAYLOADS_BYTES) points.push(...(await measurePoint("payload", sizeBytes, rounds)));
  showProgress("");
  return points;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = bytes === 0 ? 0 : Math.floor(Math.log2(bytes) / 10);
  return `${bytes / KIB ** power} ${units[power]}`;
}

function cell({ samples, failure }: ScalePoint, key: string): string {
  const own = samples[key];
  if (own === undefined) return failure === undefined ? "-" : "failed";
  return formatFigure(median(own));
}

/** MB/s: the payload counts once. */
function speedCell(point: ScalePoint, key: string): string {
  const own = point.samples[key];
  if (own === undefined || point.value === 0) return cell(point, "none");
  return formatFigure(point.value / 1e6 / (median(own) / 1000));
}

/** Two tables, and the reasons of what failed. */
export function formatScale(points: readonly ScalePoint[]): string {
  const workers = points
    .filter(({ kind }) => kind === "workers")
    .map((point) => [
      point.contender,
      String(point.value),
      cell(point, "noopPerSecond"),
      cell(point, "cpuTasksPerSecond"),
      cell(point, "parentMib"),
      cell(point, "childrenMib"),
    ]);
  const payloads = points
    .filter(({ kind }) => kind === "payload")
    .map((point) => [
      point.contender,
      formatBytes(point.value),
      cell(point, "argumentMs"),
      speedCell(point, "argumentMs"),
      cell(point, "echoMs"),
      speedCell(point, "echoMs"),
      cell(point, "parentPeakMib"),
      cell(point, "childrenPeakMib"),
    ]);
  const failures = points.flatMap(({ contender, kind, value, failure }) =>
    failure === undefined ? [] : [`${contender}, ${kind} ${value}: ${failure}`],
  );
  return [
    layOutTable(
      ["", "workers", "no-op tasks/s", "tasks of 50 µs/s", "parent PSS MiB", "all children PSS MiB"],
      workers,
      1,
    ),
    layOutTable(
      [
        "",
        "payload",
        "argument ms",
        "MB/s",
        "echo ms",
        "MB/s",
        "parent's peak RSS MiB",
        "largest child's peak RSS MiB",
      ],
      payloads,
      1,
    ),
    ...failures,
  ].join("\n\n");
}
