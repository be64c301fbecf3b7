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
      const colour = style(trace.meta);
      trace.marker.color = colour;
      if (trace.type === "bar") {
        trace.marker.line.color = colour;
        trace.marker.pattern.fgcolor = style("pattern");
        trace.marker.pattern.bgcolor = colour;
        trace.textfont = { color: style("on-band") };
      } else {
        const hollow = /-(thin|open)$/.test(trace.marker.symbol);
        trace.marker.line.color = hollow ? colour : style("paper");
        trace.marker.line.width = hollow ? 2 : 1;
      }
    }
    for (const shape of layout.shapes || []) {
      shape.fillcolor = style(shape.name);
    }
    for (const text of layout.annotations) {
      text.font = { color: style(text.name) };
    }
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font.color = style("ink");
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.xaxis.gridcolor = style("grid");
    layout.xaxis.tickcolor = layout.xaxis.linecolor = style("grid");
    layout.hoverlabel.bgcolor = style("card");
    layout.hoverlabel.bordercolor = style("ink");
    layout.hoverlabel.font.color = style("ink");
    layout.dragmode = coarse ? false : "zoom";
    if (document.documentElement.clientWidth < 600) {
      layout.xaxis.nticks = 5;
    }
    return { data, layout };
  };

  const draw = () =>
    Promise.all(
      drawings.map(({ place, figure }) => {
        const { data, layout } = painted(figure);
        return Plotly.react(place, data, layout, config);
      }),
    ).then(() => {
      document.documentElement.dataset.drawn = "yes";
    });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
