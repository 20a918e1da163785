"""The style sheet of the landing page, light or dark as the system prefers."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ground:#f5f6f8;--card:#fff;--ink:#15181e;--soft:#59616e;--line:#e2e5ea;
--accent:#5753c6;--pale:#a19fdf;--good:#18794e;--good-pale:#8fd0ae;--good-ground:#e4f5ec;--warn:#8a5a00;
--warn-ground:#fdf0d2;--bad:#c0263f;--bad-ground:#fdebee;--idle:#525b68;--idle-ground:#eceef1}
@media (prefers-color-scheme:dark){:root{--ground:#0e1014;--card:#161a21;--ink:#e9ebef;--soft:#9ba4b1;--line:#282d37;
--accent:#a19ef8;--pale:#5d5a9e;--good:#53c68c;--good-pale:#2a6b4c;--good-ground:#12291f;--warn:#e5b548;
--warn-ground:#2e2512;--bad:#ff7a8c;--bad-ground:#33161c;--idle:#aab2be;--idle-ground:#252a33}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main,.top,footer{max-width:1080px;margin:0 auto;padding:0 20px}
h1,h2,h3,p,dl,dd,figure{margin:0}
h1{font-size:22px;line-height:1.25;letter-spacing:-.01em}
h2{font-size:14px;font-weight:600}
h3{font-size:16px;overflow-wrap:anywhere}
h3 small{font-size:13px;font-weight:400;color:var(--soft);white-space:nowrap}
a{color:var(--accent);text-underline-offset:3px}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
time[title]{cursor:help}
.top{display:flex;flex-wrap:wrap;align-items:center;gap:12px 16px;padding-top:32px;padding-bottom:20px}
.top svg{width:40px;height:40px;flex:none;color:var(--accent)}
.top div{flex:1 1 240px}
.top p{color:var(--soft);font-size:14px}
nav{display:flex;flex-wrap:wrap;gap:8px;margin-bottom:20px}
nav a{padding:5px 12px;border:1px solid var(--line);border-radius:8px;background:var(--card);text-decoration:none;
font-size:14px;color:var(--ink)}
nav a:hover{border-color:var(--accent);color:var(--accent)}
nav a:first-child{background:var(--accent);border-color:var(--accent);color:var(--card)}
section{margin-bottom:24px}
section>h2{margin:0 0 10px}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:12px}
.tile,.card,.panel{background:var(--card);border:1px solid var(--line);border-radius:12px}
.tile{padding:14px 16px}
.tile p:first-child{color:var(--soft);font-size:13px}
.tile b{display:block;font-size:24px;line-height:1.3;font-weight:650;letter-spacing:-.02em;overflow-wrap:anywhere}
.tile p:last-child{color:var(--soft);font-size:13px}
.panel{padding:16px 18px}
.panel>h2{margin-bottom:14px}
.badge{display:inline-flex;align-items:center;gap:6px;padding:2px 10px 2px 8px;border-radius:99px;font-size:13px;
font-weight:550;white-space:nowrap;color:var(--idle);background:var(--idle-ground)}
.badge::before{content:"";width:8px;height:8px;border-radius:50%;background:currentColor}
.badge.healthy{color:var(--good);background:var(--good-ground)}
.badge.stale,.badge.rejected{color:var(--bad);background:var(--bad-ground)}
.badge.stale::before,.badge.rejected::before{border-radius:1px}
.badge.failing,.badge.retrying,.badge.incomplete{color:var(--warn);background:var(--warn-ground)}
.badge.failing::before{border-radius:1px;transform:rotate(45deg)}
.badge.retrying::before,.badge.incomplete::before{background:none;border:2px solid currentColor}
.badge.waiting::before{background:none;border:2px solid currentColor}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:12px}
.cards.one{grid-template-columns:1fr}
.card{padding:16px 18px;display:flex;flex-direction:column;gap:12px;min-width:0}
.card header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:flex-start;gap:6px 12px}
.card dl{display:grid;gap:5px;font-size:14px}
.one dl{grid-template-columns:repeat(auto-fit,minmax(min(100%,360px),1fr));column-gap:40px}
.card dl div{display:flex;justify-content:space-between;gap:16px}
.card dt{color:var(--soft);white-space:nowrap}
.card dd{text-align:right;overflow-wrap:anywhere}
.error{padding:8px 12px;border-left:3px solid var(--warn);border-radius:4px;background:var(--warn-ground);
font-size:13.5px;overflow-wrap:anywhere}
.stale .error,.error.rejected{border-color:var(--bad);background:var(--bad-ground)}
.error li{margin:4px 0}.error ul{margin:4px 0;padding-left:20px}
.error b{font-weight:600}
.history{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:flex-end;gap:4px 12px}
.note{color:var(--soft);font-size:13px;line-height:1.2}
.badges{display:flex;flex-wrap:wrap;gap:6px}
.ticks{flex:0 1 auto;display:flex;gap:3px;height:18px;align-items:flex-end}
.ticks i{flex:none;width:6px;border-radius:2px;height:100%;background:var(--good)}
.ticks i.unchanged{height:55%;background:var(--good-pale)}
.ticks i.failed{background:var(--bad-ground);border:1.5px solid var(--bad)}
td .ticks{height:14px;gap:2px}td .ticks i{width:5px}
.bars{display:block;width:100%;height:170px;overflow:visible}
.bars.low{height:40px}
.bars rect{fill:var(--pale)}
.bars .last rect,.bars g:hover rect{fill:var(--accent)}
.bars .zero rect{fill:var(--soft)}
.bars rect.hit{fill:transparent}
.bars g:hover rect.hit{fill:var(--idle-ground)}
.chart{display:grid;grid-template-columns:auto 1fr;column-gap:12px;row-gap:6px}
.chart .bars{border-bottom:1px solid var(--line);background:linear-gradient(var(--line),var(--line)) 0 0/100% 1px
no-repeat,linear-gradient(var(--line),var(--line)) 0 50%/100% 1px no-repeat}
.axis{display:flex;justify-content:space-between;color:var(--soft);font-size:12px;line-height:1}
.axis.y{flex-direction:column;text-align:right;margin:-6px 0}
.axis.x{grid-column:2}
.small p{color:var(--soft);font-size:13px;margin-top:6px}
.small{margin-top:auto}
.split{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:2px 16px}
.budgets{margin:0;padding:0;list-style:none;display:grid;gap:18px}
.budgets p b{font-weight:650}
.budgets h3{font-size:15px}.budgets h3 small{white-space:normal}
.budgets .error{margin-top:8px}
.meter{position:relative;height:10px;margin:6px 0;border-radius:5px;overflow:hidden;background:var(--idle-ground)}
.meter i{position:absolute;left:0;top:0;height:100%;background:var(--accent)}
.meter i.projected{opacity:.3}
.near .meter i{background:var(--warn)}.over .meter i{background:var(--bad)}
.over p b,.bad{color:var(--bad);font-weight:650}
.tops{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:12px}
.tops table{table-layout:fixed}
.tops h2{margin-bottom:8px}
.tops th{max-width:none;white-space:normal;overflow-wrap:anywhere}
.tops th small{margin-left:8px;color:var(--soft);font-weight:400}
.tops td{width:88px;vertical-align:top}.tops td+td{width:56px;color:var(--soft)}
.tops .meter{height:4px;margin:4px 0 0}
td small{display:block;max-width:220px;white-space:normal;overflow-wrap:anywhere;color:var(--soft)}
.back{margin-bottom:4px}.back+h2{font-size:18px}
.empty{padding:28px 16px;text-align:center;color:var(--soft);border:1px dashed var(--line);border-radius:8px}
.numbers{margin-top:12px;font-size:14px}
summary{color:var(--soft);cursor:pointer;width:fit-content;font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:14px}
.wide{width:100%}
.tall{max-height:620px;overflow-y:auto}
.tall thead th{position:sticky;top:0;background:var(--card)}
th,td{padding:7px 14px 7px 0;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line);font-weight:400}
th:last-child,td:last-child{padding-right:0}
tbody tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-size:13px}
tbody th{font-weight:550;min-width:110px;max-width:260px;white-space:normal;overflow-wrap:anywhere}
th.n,td.n{text-align:right}
td .name{white-space:normal;min-width:150px;overflow-wrap:anywhere}
.n+:not(.n){padding-left:10px}
.numbers td:last-child,.numbers th:last-child{text-align:right}
footer{padding-top:4px;padding-bottom:32px;color:var(--soft);font-size:13px}
footer p+p{margin-top:4px}
@media (max-width:860px){.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
.stack,.stack tr,.stack th,.stack td{display:block}.stack thead{display:none}
.stack tbody{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));column-gap:28px}
.stack tr{padding:8px 0;border-bottom:1px solid var(--line)}.stack tbody tr:last-child{border-bottom:0}
.stack tbody th,.stack td{padding:2px 0;border:0;max-width:none}.stack td small{max-width:none}
.stack td{display:flex;justify-content:space-between;gap:16px;text-align:right;white-space:normal}
.stack .n+td{padding-left:0}.stack td::before{content:attr(data-name);flex:none;color:var(--soft)}}
@media (max-width:520px){main,.top,footer{padding-left:14px;padding-right:14px}.top{padding-top:20px}
.tile{padding:12px}.tile b{font-size:min(20px,4.1vw)}.bars{height:130px}.bars.low{height:40px}
.panel,.card{padding:14px}tbody th{max-width:140px}}
@media (prefers-contrast:more){:root{--line:var(--soft)}}
@media print{body{background:#fff}.card,.tile,.panel{break-inside:avoid}}
""".strip()
