// Charts from the points a figure carries; the table below it says the same.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const PATHS = {
  line: () => uPlot.paths.linear(),
  steps: () => uPlot.paths.stepped({ align: 1 }),
  bars: () => uPlot.paths.bars({ size: [0.6, 60] }),
};

export function draw(figure) {
  const points = JSON.parse(figure.dataset.points);
  if (!points.length || !window.uPlot) return;
  const kind = figure.dataset.chart;
  const names = typeof points[0][0] === "string" ? points.map((point) => point[0]) : null;
  const xs = names ? names.map((_, index) => index) : points.map((point) => point[0] / 1000);
  const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
  const below = names ? { ...axis, values: (_, at) => at.map((one) => names[one] ?? ""), incrs: [1, 2, 5, 10, 30] } : axis;
  const options = {
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Asia/Shanghai"),
    width: Math.max(260, figure.clientWidth),
    height: 220,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: !names, range: names ? () => [-0.5, Math.max(names.length, 7) - 0.5] : undefined } },
    axes: [below, { ...axis, size: 70 }],
    series: [{}, {
      stroke: colour("--accent"),
      fill: kind === "bars" ? colour("--accent") : undefined,
      width: 2,
      paths: PATHS[kind](),
      points: { show: !names && points.length < 3 },
    }],
  };
  new uPlot(options, [xs, points.map((point) => point[1])], figure);
}
