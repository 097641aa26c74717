// The interactive chart of a measure, drawn over the static one by Vega-Lite; pointer and keyboard reach every point.
// Without it, or if it fails, the static picture stays. Nothing is fetched and nothing is evaluated as code.
(() => {
  "use strict";
  const figure = document.getElementById("chart");
  if (!figure || !window.vegaEmbed) return;
  const data = JSON.parse(figure.querySelector(".chart-data").textContent);
  const points = data.points;
  const still = figure.querySelector(".static");
  const live = figure.querySelector(".interactive");
  const style = getComputedStyle(document.documentElement);
  const colour = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const INK = colour("--ink", "#14202e");
  const SOFT = colour("--soft", "#56616f");
  const ACCENT = colour("--accent", "#0f4c5c");
  const MEAN = "#8e9aa6";
  const TARGET = colour("--target", "#a4133c");
  const BAND = colour("--band", "#e9eef1");
  const RULE = colour("--rule", "#dde2e7");
  const LINE = colour("--line", "#5f6b7a");
  const KINDS = ["usual", "better", "worse", "neutral"];
  const COLOURS = [LINE, colour("--better", "#0b6fb8"), colour("--worse", "#b35309"), colour("--median", "#5b3a8c")];
  const SHAPES = {
    usual: "circle", better: "triangle-up", betterdown: "triangle-down", worse: "triangle-up",
    worsedown: "triangle-down", neutral: "diamond",
  };
  const DAY = 86400000;

  const rows = points.map((point, index) => ({ ...point, index, at: Date.parse(point.day) }));
  const gaps = rows.slice(1).map((row, index) => row.at - rows[index].at).sort((a, b) => a - b);
  const usual = gaps[Math.floor(gaps.length / 2)] || 92 * DAY;
  let run = 0;
  rows.forEach((row, index) => {
    if (index && row.at - rows[index - 1].at > 1.6 * usual) run += 1; // a gap in time stays a gap
    row.run = run;
    row.shape = SHAPES[row.kind + (row.up || !["better", "worse"].includes(row.kind) ? "" : "down")];
  });

  // One band per process: limits step where the process was changed.
  const bands = [];
  rows.forEach((row, index) => {
    const last = bands[bands.length - 1];
    if (last && last.group === row.group) last.to = row.at;
    else {
      const from = index ? (rows[index - 1].at + row.at) / 2 : row.at;
      if (last) last.to = from;
      bands.push({ group: row.group, from, to: row.at, mean: row.mean, lower: row.lower, upper: row.upper });
    }
  });

  const values = rows.flatMap((row) => [row.value, row.target, row.lower, row.upper]).filter((value) => value !== null);
  const span = Math.max(...values) - Math.min(...values) || 1;
  const newest = rows[rows.length - 1];
  const years = (newest.at - rows[0].at) / (365 * DAY);
  const scale = { type: "utc", padding: 7 };
  // Years that do not begin in January are named as the council names them, each at its point.
  const isYearly = usual > 300 * DAY;
  const axis = {
    title: null, grid: false, domain: false, ticks: false, labelFlush: true,
    ...(isYearly ? { labels: false } : years > 2 ? { tickCount: "year", format: "%Y" } : { tickCount: 6, format: "%b %Y" }),
  };
  const x = { field: "at", type: "temporal", scale, axis };
  const format = data.pounds ? "~s" : ",~f";
  const labelExpr = `replace(${data.pounds ? "'£' + " : ""}format(datum.value, '${format}'), '-', '−')${data.percent ? " + '%'" : ""}`;
  const y = (field) => ({
    field, type: "quantitative", scale: { zero: false, nice: false, padding: 18 },
    axis: { title: null, domain: false, ticks: false, tickCount: 5, gridColor: RULE, labelExpr },
  });
  const mine = { type: "nominal", scale: { domain: KINDS, range: COLOURS }, legend: null };

  // What stands at the right: the newest value, large; the target gives way to it.
  const ends = [{ at: newest.at, value: newest.value, text: newest.said[0], dy: 0 }];
  const goals = [];
  if (newest.target !== null && data.target) {
    const apart = (newest.target - newest.value) / span;
    const dy = Math.abs(apart) > 0.09 ? 0 : (apart >= 0 ? -1 : 1) * (20 - Math.abs(apart) * 200);
    goals.push({ at: newest.at, value: newest.target, text: `target ${data.target}`, dy });
  }
  const text = (label, colour, size, weight) => ({
    data: { values: [label] },
    mark: { type: "text", align: "left", baseline: "middle", dx: 11, dy: label.dy, color: colour, fontSize: size, fontWeight: weight },
    encoding: { x, y: y("value"), text: { field: "text" } },
  });
  const middle = (rows[0].at + newest.at) / 2;
  const events = data.events
    .map((event) => ({ ...event, at: Date.parse(event.day) }))
    .filter((event) => event.at >= rows[0].at && event.at <= newest.at)
    .map((event, row) => ({ ...event, row: row % 4 }));
  const eventLayers = events.flatMap((event) => {
    const late = event.at > middle;
    return [
      { data: { values: [event] }, mark: { type: "rule", color: ACCENT, strokeWidth: 1.2 }, encoding: { x } },
      {
        data: { values: [event] },
        mark: {
          type: "text", align: late ? "right" : "left", dx: late ? -5 : 5, y: -8 - 16 * event.row, color: ACCENT,
          fontSize: 12, baseline: "bottom",
        },
        encoding: { x, text: { field: "name" } },
      },
    ];
  });

  live.hidden = false; // a container must be seen to have a width
  const small = live.clientWidth < 480;
  const every = Math.ceil((rows.length * 64) / Math.max(200, live.clientWidth - 120));
  const yearNames = {
    data: { values: isYearly ? rows.filter((row) => (rows.length - 1 - row.index) % every === 0) : [] },
    mark: { type: "text", color: SOFT, fontSize: 12.5, baseline: "top", dy: 8 },
    encoding: { x, y: { value: "height" }, text: { field: "period" } },
  };
  const spec = {
    width: "container", height: 330, background: "transparent",
    padding: 4,
    autosize: { type: "fit", contains: "padding" },
    params: [{ name: "picked", value: -1 }],
    layer: [
      {
        data: { values: bands.filter((band) => band.lower !== null && band.upper !== null) },
        mark: { type: "rect", color: BAND },
        encoding: { x: { ...x, field: "from" }, x2: { field: "to" }, y: y("lower"), y2: { field: "upper" } },
      },
      {
        data: { values: bands.filter((band) => band.mean !== null) },
        mark: { type: "rule", color: MEAN, strokeWidth: 1 },
        encoding: { x: { ...x, field: "from" }, x2: { field: "to" }, y: y("mean") },
      },
      {
        data: { values: rows.filter((row) => row.target !== null) },
        mark: { type: "line", color: TARGET, strokeDash: [5, 3], strokeWidth: 1.3, interpolate: "step" },
        encoding: { x, y: y("target") },
      },
      ...eventLayers,
      {
        data: { values: rows },
        mark: { type: "line", color: LINE, strokeWidth: 1.4 },
        encoding: { x, y: y("value"), detail: { field: "run" } },
      },
      {
        data: { values: rows },
        mark: { type: "rule", color: SOFT, strokeDash: [2, 2] },
        encoding: { x, opacity: { condition: { test: "datum.index === picked", value: 1 }, value: 0 } },
      },
      {
        data: { values: rows },
        mark: { type: "point", opacity: 1, strokeWidth: 1.4 },
        encoding: {
          x, y: y("value"),
          shape: { field: "shape", type: "nominal", scale: null },
          stroke: { field: "kind", ...mine },
          fill: { condition: { test: "datum.hollow", value: "#fff" }, field: "kind", ...mine },
          size: {
            condition: [{ test: "datum.index === picked", value: 170 }, { test: "datum.kind !== 'usual'", value: small ? 38 : 62 }],
            value: small ? 10 : 22,
          },
        },
      },
      yearNames,
      ...ends.map((end) => text(end, INK, small ? 17 : 20, 600)),
      ...goals.map((goal) => text(goal, TARGET, 12, 400)),
    ],
    config: {
      font: "'Source Sans 3', 'Segoe UI', Arial, sans-serif", view: { stroke: null },
      axis: { labelColor: SOFT, labelFontSize: 12.5 },
    },
  };

  const plot = document.createElement("div");
  plot.className = "plot";
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  const hint = document.createElement("p");
  hint.className = "small hint";
  hint.textContent = "Point at the chart, or move to it with Tab and along it with the arrow keys, for each figure.";
  live.append(plot, tip, hint);
  spec.layer = spec.layer.filter((layer) => layer.data.values.length);
  // Behind a shadow root the page's rules for its own pictures do not reach the chart.
  const stage = document.createElement("div");
  stage.style.width = "100%";
  plot.attachShadow({ mode: "open" }).append(stage);

  window.vegaEmbed(stage, spec, { renderer: "svg", actions: false, ast: true, tooltip: false, mode: "vega-lite", defaultStyle: false })
    .then(({ view }) => {
      still.classList.add("replaced");
      const svg = stage.querySelector("svg");
      svg.removeAttribute("role");
      svg.setAttribute("aria-hidden", "true"); // its figures are said by the slider and stand in the table
      let picked = -1;

      const show = (index) => {
        picked = index;
        view.signal("picked", index).run();
        if (index < 0) {
          tip.hidden = true;
          return;
        }
        const row = rows[index];
        const lines = [row.period, ...row.said].map((text, place) => {
          const line = document.createElement(place < 2 ? "strong" : "span");
          line.textContent = text;
          return line;
        });
        tip.replaceChildren(...lines);
        tip.hidden = false;
        const [left, top] = view.origin();
        const at = left + view.scale("x")(row.at);
        const width = live.clientWidth;
        tip.style.left = `${Math.max(0, Math.min(at + 14, width - tip.offsetWidth))}px`;
        if (at + 14 + tip.offsetWidth > width) tip.style.left = `${Math.max(0, at - 14 - tip.offsetWidth)}px`;
        const below = top + view.scale("y")(row.value) + 14;
        tip.style.top = `${Math.max(0, Math.min(below, plot.clientHeight - tip.offsetHeight - 24))}px`;
        plot.setAttribute("aria-valuenow", String(index + 1));
        plot.setAttribute("aria-valuetext", [row.period, ...row.said].join("; "));
      };

      plot.tabIndex = 0;
      plot.setAttribute("role", "slider");
      plot.setAttribute("aria-label", `${data.name}, figure by figure`);
      plot.setAttribute("aria-valuemin", "1");
      plot.setAttribute("aria-valuemax", String(rows.length));
      plot.setAttribute("aria-valuenow", String(rows.length));
      plot.setAttribute("aria-valuetext", [newest.period, ...newest.said].join("; "));

      plot.addEventListener("keydown", (event) => {
        const steps = {
          ArrowRight: picked + 1, ArrowUp: picked + 1, ArrowLeft: picked - 1, ArrowDown: picked - 1,
          Home: 0, End: rows.length - 1, PageUp: picked + 12, PageDown: picked - 12,
        };
        if (event.key === "Escape") return show(-1);
        if (!(event.key in steps)) return undefined;
        event.preventDefault();
        const start = picked < 0 && event.key !== "Home" ? rows.length - 1 : steps[event.key];
        return show(Math.max(0, Math.min(rows.length - 1, start)));
      });
      plot.addEventListener("focus", () => plot.matches(":focus-visible") && show(picked < 0 ? rows.length - 1 : picked));
      plot.addEventListener("blur", () => show(-1));
      plot.addEventListener("pointermove", (event) => {
        const place = event.clientX - plot.getBoundingClientRect().left - view.origin()[0];
        const scale = view.scale("x");
        let nearest = 0;
        rows.forEach((row, index) => {
          if (Math.abs(scale(row.at) - place) < Math.abs(scale(rows[nearest].at) - place)) nearest = index;
        });
        if (nearest !== picked) show(nearest);
      });
      live.addEventListener("pointerleave", () => show(-1));
      document.addEventListener("keydown", (event) => event.key === "Escape" && picked >= 0 && show(-1));
      figure.dataset.drawn = "yes";
    })
    .catch((problem) => {
      live.hidden = true; // the static picture is still there
      live.replaceChildren();
      console.warn("The interactive chart could not be drawn:", problem);
    });
})();
