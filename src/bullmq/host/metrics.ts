import type { BullMQTaskHost } from "./host.js";

type Labels = Readonly<Record<string, string>>;

/** A text as Prometheus has it between quotes. */
function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function describeLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** A metric with one line for each of its values. */
function describeMetric(
  name: string,
  { type, help, values }: { type: "counter" | "gauge"; help: string; values: readonly (readonly [Labels, number])[] },
): string {
  const lines = values.map(([labels, value]) => `${name}${describeLabels(labels)} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

/** What Prometheus reads of a host. The jobs of the queue are left out while Redis is away. */
export async function describeMetrics(host: BullMQTaskHost): Promise<string> {
  const { completedTasks, crashedWorkers, failedTasks, cancelledTasks, queuedTasks, runningTasks } = host.stats();
  const { queue, version = "", jobs } = host.serves;
  const own = { queue, version };
  const counts = await host.queueCounts();
  const metrics = [
    describeMetric("asynccpu_tasks_total", {
      type: "counter",
      help: "Tasks that have ended on this host.",
      values: [
        [{ ...own, outcome: "completed" }, completedTasks],
        [{ ...own, outcome: "failed" }, failedTasks],
        [{ ...own, outcome: "cancelled" }, cancelledTasks],
      ],
    }),
    describeMetric("asynccpu_crashed_workers_total", {
      type: "counter",
      help: "Worker processes that ended unasked.",
      values: [[own, crashedWorkers]],
    }),
    describeMetric("asynccpu_tasks", {
      type: "gauge",
      help: "Tasks that this host has now.",
      values: [
        [{ ...own, state: "running" }, runningTasks],
        [{ ...own, state: "waiting" }, queuedTasks],
      ],
    }),
    describeMetric("asynccpu_jobs", {
      type: "gauge",
      help: "How many tasks this host runs at a time.",
      values: [[own, jobs]],
    }),
  ];
  if (counts !== undefined) {
    const values = [
      [{ ...own, state: "waiting" }, counts.waiting],
      [{ ...own, state: "active" }, counts.active],
    ] as const;
    metrics.push(
      describeMetric("asynccpu_queue_jobs", { type: "gauge", help: "Jobs of the queue, on all hosts.", values }),
    );
  }
  return metrics.join("");
}
