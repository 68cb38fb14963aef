"""How the report looks, light and dark."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{--ink:#1b2430;--soft:#5d6b7a;--line:#d9e0e7;--paper:#fff;--wash:#f4f6f8;--all:#b9c7d6;--bad:#D55E00;
--share:#7a3fb0;--warn:#8A5A00;--crit:#B3125E;--label:#0b7a75}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa8b6;--line:#2e3a46;--paper:#12181f;--wash:#1a222b;
--all:#3f5266;--bad:#D55E00;--share:#b98ae6;--warn:#E3B341;--crit:#FF7EB6;--label:#37b8b1}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans CJK SC",sans-serif}
main{max-width:1040px;margin:0 auto;padding:24px 20px 64px}
h1{margin:0;font-size:28px}
h2{font-size:19px;margin:32px 0 8px}
h3{font-size:16px;margin:28px 0 4px}
h3 small,li small{color:var(--soft);font-weight:400}
header p,.key{color:var(--soft);margin:4px 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(120px,1fr));gap:10px;margin:20px 0}
.cards div{background:var(--wash);border-radius:8px;padding:12px 14px}
.cards b{display:block;font-size:22px;font-variant-numeric:tabular-nums}
.cards span{color:var(--soft);font-size:13px}
svg{width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
svg .share{fill:var(--share)}
rect.all{fill:var(--all)}
rect.bad{fill:var(--bad)}
rect.span{fill:var(--warn);opacity:.14}
line.grid{stroke:var(--line)}
.shareline{fill:none;stroke:var(--share);stroke-width:1.6;stroke-linejoin:round}
.warning line{stroke:var(--warn);stroke-width:1.5}
.warning circle{fill:var(--warn)}
.critical line{stroke:var(--crit);stroke-width:1.5}
.critical circle{fill:var(--crit)}
g.label line{stroke:var(--label);stroke-width:1.5;stroke-dasharray:4 3}
g.label path{fill:var(--label)}
.key{font-size:13px}
.key i{display:inline-block;width:12px;height:10px;margin:0 5px 0 12px;border-radius:2px}
.key i:first-child{margin-left:0}
i.all{background:var(--all)}
i.bad{background:var(--bad)}
i.shareline{background:var(--share);height:3px!important;vertical-align:middle}
i.warning{background:var(--warn);border-radius:50%!important;width:10px!important}
i.critical{background:var(--crit);border-radius:50%!important;width:10px!important}
i.label{background:var(--label);width:3px!important}
section{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:500;white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td:first-child{white-space:nowrap}
td.warning{color:var(--warn)}
td.critical{color:var(--crit);font-weight:600}
.sheet{border-top:1px solid var(--line)}
.sheet p{margin:4px 0 8px}
ul{padding-left:18px;margin:6px 0}
li{overflow-wrap:anywhere}
li b{font-variant-numeric:tabular-nums}
summary{cursor:pointer;margin:24px 0 8px;font-weight:500}
a{color:inherit}
code{overflow-wrap:anywhere}
"""
