(() => {
  const { style, draw, ready } = page;

  const paint = (data, layout) => {
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
    for (const text of layout.annotations) {
      text.font = { color: style(text.name) };
    }
    layout.xaxis.gridcolor = style("grid");
    layout.xaxis.tickcolor = layout.xaxis.linecolor = style("grid");
    layout.hoverlabel.bordercolor = style("ink");
  };

  draw(paint, 5).then(ready);
})();
