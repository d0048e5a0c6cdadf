"use strict";
// Draws the figure of this page. Axes, zoom and legend are uPlot's; what is drawn in them is drawn
// here, as its series share their horizontal values, and these do not.
(() => {
  const figure = JSON.parse(document.getElementById("figure").textContent);
  const page = document.documentElement;
  const plots = [];

  const color = name => getComputedStyle(page).getPropertyValue("--" + name).trim();

  function numbers(text) {
    const raw = atob(text);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new Float64Array(bytes.buffer);
  }

  function short(value) {
    const size = Math.abs(value);
    const [unit, name] = size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
    return String(Number((value / unit).toPrecision(12))) + name;
  }

  // A value of an axis; those of logarithmic ones are powers of ten.
  function shown(axis, value) {
    return axis.log ? String(Number((10 ** value).toPrecision(3))) : short(value);
  }

  // The first place in sorted values that is not below one.
  function lowerBound(values, value) {
    let low = 0, high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < value) low = middle + 1; else high = middle;
    }
    return low;
  }

  // The places of a layer that show between two horizontal values; lines reach beyond them.
  function visible(layer, min, max) {
    let first = lowerBound(layer.x, min), end = lowerBound(layer.x, max);
    while (end < layer.x.length && layer.x[end] <= max) end++;
    if (layer.shape === "line" || layer.shape === "steps") {
      first = Math.max(0, first - 1);
      end = Math.min(layer.x.length, end + 1);
    }
    return [first, end];
  }

  function extent(layers, min, max) {
    let low = Infinity, high = -Infinity;
    for (const layer of layers) {
      const [first, end] = visible(layer, min, max);
      for (let i = first; i < end; i++) {
        if (layer.low[i] < low) low = layer.low[i];
        if (layer.high[i] > high) high = layer.high[i];
      }
    }
    if (low > high) return [0, 1];
    const room = Math.max((high - low) * 0.04, Math.abs(high) * 1e-9, 1e-9);
    return [low >= 0 && low <= room ? 0 : low - room, high + room];
  }

  function drawLayer(u, layer) {
    const { ctx, bbox } = u, x = u.scales.x, y = u.scales[layer.scale];
    const [first, end] = visible(layer, x.min, x.max);
    const perX = bbox.width / (x.max - x.min), perY = bbox.height / (y.max - y.min);
    const across = value => bbox.left + (value - x.min) * perX;
    const up = value => bbox.top + bbox.height - (value - y.min) * perY;
    ctx.strokeStyle = ctx.fillStyle = color(layer.color);
    ctx.lineWidth = devicePixelRatio * (layer.shape === "bars" ? 1.5 : 1);
    ctx.beginPath();
    let lastX = NaN, lastY = NaN;
    for (let i = first; i < end; i++) {
      const px = across(layer.x[i]), py = up(layer.low[i]);
      if (layer.shape === "marks") {
        const size = 4 * devicePixelRatio;
        if (Math.abs(px - lastX) + Math.abs(py - lastY) < 1) continue;
        ctx.fillRect(px - size / 2, py - size / 2, size, size);
      } else if (layer.shape === "bars") {
        ctx.moveTo(px, py);
        ctx.lineTo(px, Math.min(up(layer.high[i]), py - 1));
      } else if (i === first) {
        ctx.moveTo(px, py);
      } else {
        if (layer.shape === "steps") ctx.lineTo(px, lastY);
        ctx.lineTo(px, py);
      }
      lastX = px; lastY = py;
    }
    ctx.stroke();
    return end - first;
  }

  // The point of a layer that is shown next to a place of the canvas, in CSS pixels.
  function nearest(u, layers, left, top, reach) {
    let best = null, distance = reach;
    const x = u.posToVal(left, "x"), per = (u.scales.x.max - u.scales.x.min) / u.over.clientWidth;
    for (const layer of layers) {
      const start = lowerBound(layer.x, x - per * reach);
      const end = Math.min(layer.x.length, start + 20000);
      for (let i = start; i < end && layer.x[i] <= x + per * reach; i++) {
        const across = u.valToPos(layer.x[i], "x") - left;
        const low = u.valToPos(layer.low[i], layer.scale) - top, high = u.valToPos(layer.high[i], layer.scale) - top;
        const up = low >= 0 && high <= 0 ? 0 : Math.min(Math.abs(low), Math.abs(high));
        const away = Math.hypot(across, up);
        if (away < distance) { distance = away; best = { layer, i }; }
      }
    }
    return best;
  }

  function tipText(panel, { layer, i }) {
    const axis = layer.scale === "y2" ? panel.second : panel.y;
    const lines = [layer.name, `${panel.x.label}: ${panel.x.log ? shown(panel.x, layer.x[i]) : layer.x[i].toFixed(6)}`];
    const low = shown(axis, layer.low[i]), high = shown(axis, layer.high[i]);
    lines.push(`${axis.label}: ${low === high ? low : low + " to " + high}`);
    if (layer.packets) lines.push(`packet ${layer.packets[i]}`);
    return lines.join("\n");
  }

  function build(panel, number) {
    const layers = panel.layers.map(layer => {
      const low = numbers(layer.low);
      return { ...layer, x: numbers(layer.x), low, high: layer.high ? numbers(layer.high) : low,
        packets: layer.packets ? numbers(layer.packets) : null, scale: layer.second ? "y2" : "y" };
    });
    let left = Infinity, right = -Infinity;
    for (const layer of layers) {
      if (layer.x.length) {
        left = Math.min(left, layer.x[0]);
        right = Math.max(right, layer.x[layer.x.length - 1]);
      }
    }
    if (left > right) { left = 0; right = 1; }
    if (left === right) right = left + 1e-6;
    const own = [left, right + (right - left) * 0.01];

    const heading = document.createElement("h2");
    heading.textContent = panel.title;
    heading.id = "panel" + number;
    const box = document.createElement("div");
    box.className = "panel";
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-labelledby", heading.id);
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("role", "status");
    document.body.append(heading, box);

    const active = u => layers.filter((_, i) => u.series[i + 1].show);
    const fit = (u, left, right) => {
      for (const scale of panel.second ? ["y", "y2"] : ["y"]) {
        const [min, max] = extent(active(u).filter(it => it.scale === scale), left, right);
        u.setScale(scale, { min, max });
      }
    };
    // Shows a stretch here, and in the other plots over the same axis.
    const alike = () => plots.filter(it => it.panel.x.label === panel.x.label);
    const showRange = (min, max) => {
      for (const other of alike()) {
        other.u.batch(() => {
          other.u.setScale("x", { min, max });
          other.fit(other.u, min, max);
        });
      }
    };
    const showAll = () => {
      showRange(Math.min(...alike().map(it => it.own[0])), Math.max(...alike().map(it => it.own[1])));
    };
    const draw = u => {
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
      u.ctx.clip();
      box.dataset.points = active(u).reduce((sum, layer) => sum + drawLayer(u, layer), 0);
      u.ctx.restore();
      page.dataset.points = plots.reduce((sum, it) => sum + Number(it.box.dataset.points || 0), 0);
    };
    const show = (u, found) => {
      tip.style.display = found ? "block" : "none";
      u.found = found;
      if (!found) return;
      tip.textContent = tipText(panel, found);
      const x = u.valToPos(found.layer.x[found.i], "x"), y = u.valToPos(found.layer.low[found.i], found.layer.scale);
      const atLeft = u.over.offsetLeft + x + 12;
      tip.style.left = Math.max(0, Math.min(atLeft, box.clientWidth - tip.offsetWidth - 4)) + "px";
      tip.style.top = Math.max(0, u.over.offsetTop + Math.min(y + 12, u.over.clientHeight - tip.offsetHeight)) + "px";
    };
    const axis = (it, scale, side) => ({
      scale, side, label: it.label, labelSize: 20, size: scale === "x" ? 36 : 54, labelFont: "13px system-ui, sans-serif",
      font: "12px system-ui, sans-serif", stroke: () => color("ink"), grid: { show: side !== 1, stroke: () => color("faint"), width: 1 },
      ticks: { stroke: () => color("faint") },
      values: (_, ticks) => ticks.map(v => v === null ? "" : shown(it, v)),
    });
    const free = { auto: false, range: (_, min, max) => [min, max] };
    const options = {
      width: box.clientWidth, height: 320,
      scales: { x: { time: false, auto: false, range: (_, min, max) => min == null ? own : [min, max] }, y: free, y2: free },
      axes: [axis(panel.x, "x", 2), axis(panel.y, "y", 3)].concat(panel.second ? [axis(panel.second, "y2", 1)] : []),
      series: [{ label: "x" }].concat(layers.map(layer => ({
        label: layer.name, scale: layer.scale, stroke: () => color(layer.color), paths: () => null, points: { show: false },
      }))),
      legend: { live: false },
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
      hooks: {
        draw: [draw],
        setSeries: [u => fit(u, u.scales.x.min, u.scales.x.max)],
        setSelect: [u => {
          const { left, width } = u.select;
          if (width > 0) showRange(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        setCursor: [u => {
          if (u.cursor.left < 0 || u.byKey) return;
          show(u, nearest(u, active(u), u.cursor.left, u.cursor.top, 24));
        }],
      },
    };
    const u = new uPlot(options, [own, ...layers.map(() => [null, null])], box);
    box.append(tip);
    plots.push({ u, box, panel, own, fit, showAll, showRange });

    const zoom = (factor, shift) => {
      const { min, max } = u.scales.x, middle = (min + max) / 2 + (max - min) * shift, half = (max - min) / 2 * factor;
      showRange(middle - half, middle + half);
    };
    const step = by => {
      const all = active(u);
      let at = u.found;
      if (!at) {
        const layer = all.find(it => it.packets) || all[0];
        if (!layer) return;
        at = { layer, i: lowerBound(layer.x, u.scales.x.min) - (by > 0 ? 1 : 0) };
      }
      const i = at.i + by;
      if (i < 0 || i >= at.layer.x.length) return;
      show(u, { layer: at.layer, i });
    };
    const keys = {
      ArrowLeft: () => zoom(1, -0.1), ArrowRight: () => zoom(1, 0.1), "+": () => zoom(0.5, 0), "=": () => zoom(0.5, 0),
      "-": () => zoom(2, 0), 0: showAll,
      Escape: () => show(u, null), ".": () => step(1), ",": () => step(-1),
    };
    box.addEventListener("keydown", event => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
    u.over.addEventListener("dblclick", showAll);
    new ResizeObserver(() => {
      if (box.clientWidth > 0 && box.clientWidth !== u.width) u.setSize({ width: box.clientWidth, height: 320 });
    }).observe(box);
  }

  figure.panels.forEach(build);
  plots.forEach(it => it.showAll());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach(it => it.u.redraw()));

  // For measurements: how long it takes to draw all panels anew, after a zoom, in ms.
  if (location.hash === "#measure") {
    setTimeout(async () => {
      const times = [];
      for (let round = 0; round < 10; round++) {
        const { own, showRange } = plots[0], width = (own[1] - own[0]) * (1 - round / 1000);
        const start = performance.now();
        showRange(own[0], own[0] + width);
        await Promise.resolve();
        await Promise.resolve();
        plots[0].u.ctx.getImageData(0, 0, 1, 1);
        times.push(performance.now() - start);
      }
      page.dataset.redraw = Math.max(...times).toFixed(1);
    }, 100);
  }
})();
