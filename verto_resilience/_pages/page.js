"use strict";
// What all drawings have in common. The script of a page follows it, and says what its own are like.
const page = (() => {
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

  const painted = (figure, paint, ticks) => {
    const { data, layout } = structuredClone(figure);
    for (const shape of layout.shapes || []) {
      shape.fillcolor = style(shape.name);
    }
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font.color = style("ink");
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.hoverlabel.bgcolor = style("card");
    layout.hoverlabel.font.color = style("ink");
    layout.dragmode = coarse ? false : "zoom";
    if (document.documentElement.clientWidth < 600) {
      layout.xaxis.nticks = ticks;
    }
    paint(data, layout);
    return { data, layout };
  };

  // Draws anew where colours change. Ticks are those of the axis of time on a narrow screen.
  const draw = (paint, ticks) => {
    const drawn = () =>
      Promise.all(
        drawings.map(({ place, figure }) => {
          const { data, layout } = painted(figure, paint, ticks);
          return Plotly.react(place, data, layout, config);
        }),
      );
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawn);
    return drawn();
  };

  const ready = () => {
    document.documentElement.dataset.drawn = "yes";
  };

  return { style, drawings, draw, ready };
})();
