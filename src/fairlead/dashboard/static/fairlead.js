// Draws the charts from the figures that the page's own table shows, and says how many decisions were found.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const of = (slices, read) => slices.map((slice) => read(slice) ?? null);
const money = (value) => (value == null ? "" : value.toPrecision(3));
const share = (value) => (value == null ? "" : value.toFixed(1));

const two = (number) => String(number).padStart(2, "0");
const clock = (seconds, span) => {
  const at = new Date(seconds * 1e3);
  const day = `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  return span > 2 * 86400 ? day : `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
};

const axes = (label) => {
  const line = { stroke: colour("--quiet"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
  const times = (plot, ticks) => ticks.map((tick) => clock(tick, plot.scales.x.max - plot.scales.x.min));
  return [{ ...line, values: times }, { ...line, label, size: 70 }];
};

const band = (slices, read, label, unit) => ({
  data: [of(slices, (s) => read(s)?.value * 100), of(slices, (s) => read(s)?.low * 100), of(slices, (s) => read(s)?.high * 100)]
    .map((column) => column.map((v) => (Number.isFinite(v) ? v : null))),
  series: [
    { label, stroke: colour("--mark"), width: 2, value: (_, v) => share(v) },
    { label: "low", stroke: colour("--mark"), width: 1, dash: [4, 4], value: (_, v) => share(v) },
    { label: "high", stroke: colour("--mark"), width: 1, dash: [4, 4], value: (_, v) => share(v) },
  ],
  bands: [{ series: [3, 2], fill: colour("--mark") + "30" }],
  unit,
});

const CHARTS = {
  spend: (slices) => ({
    data: [of(slices, (s) => s.policy_usd), of(slices, (s) => s.control_usd), of(slices, (s) => s.own_usd)],
    series: [
      { label: "policy", stroke: colour("--mark"), width: 2, value: (_, v) => money(v) },
      { label: "control arm", stroke: colour("--second"), width: 2, dash: [8, 4], value: (_, v) => money(v) },
      { label: "judges and shadows", stroke: colour("--third"), width: 2, dash: [2, 3], value: (_, v) => money(v) },
    ],
    bands: [],
    unit: "USD",
  }),
  saving: (slices) => band(slices, (s) => s.saving_share, "saving", "per cent"),
  quality: (slices) => band(slices, (s) => s.quality, "quality", "points"),
};

const fetched = new Map();
const figures = (source) => {
  if (!fetched.has(source)) fetched.set(source, fetch(source).then((reply) => (reply.ok ? reply.json() : { slices: [] })));
  return fetched.get(source);
};

const draw = async (figure) => {
  const place = figure.querySelector(".canvas");
  const { slices } = await figures(figure.dataset.source);
  const chart = CHARTS[figure.dataset.chart](slices);
  place.replaceChildren();
  if (!chart.data.some((column) => column.some((value) => value !== null))) {
    place.textContent = "Not enough evidence yet.";
    place.classList.add("empty");
    figure.dataset.drawn = "empty";
    return;
  }
  const options = {
    width: Math.max(320, place.clientWidth),
    height: 230,
    axes: axes(chart.unit),
    // One slice alone is no span of time: left alone, the axis would show years.
    scales: slices.length > 1 ? {} : { x: { range: (_, at) => [at - 3600, at + 3600] } },
    series: [{ label: "until", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...chart.series],
    bands: chart.bands,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    cursor: { drag: { x: false, y: false } },
  };
  new uPlot(options, [of(slices, (s) => s.end), ...chart.data], place);
  figure.dataset.drawn = "yes";
};

const drawAll = () => document.querySelectorAll("figure.chart").forEach(draw);

const announce = () => {
  const found = document.getElementById("found");
  if (!found) return;
  const table = document.querySelector("#rows table");
  found.textContent = table ? `${table.dataset.count} decisions are shown.` : "No decision fits.";
};

document.addEventListener("DOMContentLoaded", () => {
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 150);
  });
  document.body.addEventListener("htmx:afterSwap", announce);
});
