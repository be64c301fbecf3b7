(() => {
  const { style, drawings, draw, ready } = page;

  const paint = (data, layout) => {
    for (const trace of data) {
      trace.line.color = style(trace.meta);
    }
    for (const axis of [layout.xaxis, layout.yaxis]) {
      axis.gridcolor = axis.tickcolor = axis.linecolor = style("grid");
    }
    layout.hoverlabel.bordercolor = style("grid");
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

  draw(paint, 6).then(() => {
    for (const { place } of drawings) {
      place.on("plotly_relayout", (change) => follow(change, place));
    }
    ready();
  });
})();
