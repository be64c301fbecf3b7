"use strict";
(() => {
  const style = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const coarse = matchMedia("(pointer: coarse)").matches;
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: false,
    doubleClick: "reset",
    showTips: false,
  };
  const drawings = [...document.querySelectorAll(".drawing")].map((place) => {
    const source = place.querySelector("script");
    const figure = JSON.parse(source.textContent);
    place.replaceChildren();
    return { place, figure };
  });

  const painted = (figure) => {
    const { data, layout } = structuredClone(figure);
    for (const trace of data) {
      trace.line.color = style(trace.meta);
    }
    for (const shape of layout.shapes) {
      shape.fillcolor = style(shape.name);
    }
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font.color = style("ink");
    layout.font.family = getComputedStyle(document.body).fontFamily;
    for (const axis of [layout.xaxis, layout.yaxis]) {
      axis.gridcolor = axis.tickcolor = axis.linecolor = style("grid");
    }
    layout.hoverlabel.bgcolor = style("card");
    layout.hoverlabel.bordercolor = style("grid");
    layout.hoverlabel.font.color = style("ink");
    layout.dragmode = coarse ? false : "zoom";
    if (document.documentElement.clientWidth < 600) {
      layout.xaxis.nticks = 6;
    }
    return { data, layout };
  };

  // What is zoomed in one drawing is looked at in all of them.
  let following = false;
  const follow = (change, from) => {
    const keys = ["xaxis.range[0]", "xaxis.range[1]", "xaxis.autorange", "xaxis.range"];
    const update = Object.fromEntries(keys.filter((key) => key in change).map((key) => [key, change[key]]));
    if (following || Object.keys(update).length === 0) return;
    following = true;
    const others = drawings.filter(({ place }) => place !== from);
    Promise.all(others.map(({ place }) => Plotly.relayout(place, update))).finally(() => {
      following = false;
    });
  };

  const draw = () =>
    Promise.all(
      drawings.map(({ place, figure }) => {
        const { data, layout } = painted(figure);
        return Plotly.react(place, data, layout, config);
      }),
    );

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw().then(() => {
    for (const { place } of drawings) {
      place.on("plotly_relayout", (change) => follow(change, place));
    }
    document.documentElement.dataset.drawn = "yes";
  });
})();
