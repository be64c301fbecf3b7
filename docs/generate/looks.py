"""The looks that drawings of these pages share: legible on a light and on a dark page."""

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #3d444d }
.title { font-size: 15px; font-weight: 600 }
.strong { font-weight: 600 }
.quiet { fill: #59636e; font-size: 12px }
.paper { fill: #ffffff }
.grid { stroke: #8c959f; stroke-opacity: .35 }
.edge { stroke: #59636e; stroke-width: 1.6; fill: none }
.hand { stroke-dasharray: 5 4 }
.tip { fill: #59636e }
.good { fill: #dafbe1; stroke: #1a7f37 }
.bad { fill: #ffebe9; stroke: #d1242f }
.trying { fill: #fff8c5; stroke: #9a6700 }
.call { fill: #ddf4ff; stroke: #0969da }
.wait { fill: none; stroke: #9a6700; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #d1d7e0 }
  .quiet { fill: #9198a1 }
  .paper { fill: #151b23 }
  .edge { stroke: #9198a1 }
  .tip { fill: #9198a1 }
  .good { fill: #16361f; stroke: #57ab5a }
  .bad { fill: #3c1618; stroke: #e5534b }
  .trying { fill: #3a2d12; stroke: #c69026 }
  .call { fill: #12304f; stroke: #539bf5 }
  .wait { stroke: #c69026 }
}
"""


def sheet(title: str, width: int, height: int, parts: list[str]) -> str:
    """Give a drawing of this size as SVG; the title is for those who do not see it."""
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                f'width="{width}" height="{height}" role="img">'
            ),
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{height}" rx="6"/>',
            *parts,
            "</svg>",
            "",
        ]
    )
