// SPDX-License-Identifier: BSL-1.0
#include "bench/html/page_text.hpp"

namespace coir_tool {

// The eight colours differ in lightness, too, and in hues that colour-blind people tell apart; each
// has a contrast of 4.5 or more against the cards of its scheme. The kinds of subjects differ by
// pattern: k1 baselines, k2 peers, the rest is plain. Nested <svg> of class o show what reaches beyond them.
const char* const page_style = R"css(
:root{color-scheme:light dark;--page:#f3f5f7;--card:#fff;--ink:#15191e;--dim:#56606b;--line:#d9dfe5;
--warn:#fff4d6;--warn-line:#b98700;--up:#0b6b3a;--down:#a8280d;--link:#0b5cad;
--c0:#0b62b0;--c1:#b34700;--c2:#00735c;--c3:#8a3aa8;--c4:#7a6200;--c5:#b0256a;--c6:#4a5560;--c7:#1f7a9c}
@media (prefers-color-scheme:dark){:root{--page:#0e1115;--card:#171c22;--ink:#e8ecf0;--dim:#a3adb8;--line:#303843;
--warn:#2e2609;--warn-line:#d9a514;--up:#5fd394;--down:#ff8f70;--link:#7db8ff;
--c0:#64adff;--c1:#ff9a4a;--c2:#3fd0ab;--c3:#cf9bf0;--c4:#e3c552;--c5:#ff86b8;--c6:#b8c2cc;--c7:#8fdcf5}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
overflow-wrap:anywhere}
main{max-width:1280px;margin:0 auto;padding:28px 20px 48px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:22px;line-height:1.25;margin:40px 0 2px}
h3{font-size:16px;margin:0}
p{margin:8px 0}
code{font:.92em/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.sub{color:var(--dim);font-size:14px;margin:2px 0 12px}
header code{color:var(--ink)}
.warn{background:var(--warn);border:1px solid var(--warn-line);border-left-width:6px;border-radius:8px;padding:10px 16px;margin:18px 0}
.warn ul{list-style:none;margin:0;padding:0}
.warn li{margin:3px 0}
.short{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));margin-top:12px}
.cards>:last-child:nth-child(odd){grid-column:1/-1}
.short>div,.card,.facts dl,.read{background:var(--card);border:1px solid var(--line);border-radius:10px}
.short>div{padding:14px 18px}
.short ul,.notes{margin:6px 0 0;padding-left:18px}
.short li{margin:4px 0}
.facts dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,250px),1fr));gap:10px 24px;margin:12px 0;padding:16px 18px;font-size:14px}
dt{color:var(--dim)}
dd{margin:0}
.notes{font-size:14px}
.cards{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));margin-top:14px}
.card{margin:0;padding:18px;min-width:0;display:flex;flex-direction:column}
.card .scroll{margin-top:auto}
.cards>.card:has(.wide){grid-column:1/-1}
.wide table{font-size:13px}
.wide :is(th,td){padding-right:7px}
.read{padding:6px 20px 12px;margin-top:14px}
.read li{margin:6px 0}
svg.chart{display:block;width:100%;margin:4px 0 14px;flex:none}
svg text{fill:var(--ink);font-size:13px}
svg .v{text-anchor:end;font-weight:600}
svg .h{fill:var(--dim);font-size:12px;font-weight:600}
.o{overflow:visible}
.lines{overflow:visible;padding:10px 22px 44px 62px}
.g{stroke:var(--line);vector-effect:non-scaling-stroke}
.one{stroke:var(--dim);stroke-width:1.5px}
.halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.over{margin-top:16px}
svg .ty{text-anchor:end;fill:var(--dim);font-size:12px}
svg .tx,svg .tt{text-anchor:middle;fill:var(--dim);font-size:12px}
rect,.l,.lw,.m{stroke:var(--c)}
rect{fill:var(--c);rx:2px}
rect.k1{fill-opacity:.35}
rect.k2{fill-opacity:.12;stroke-dasharray:4 3}
.w,.r,.cut{fill:none;vector-effect:non-scaling-stroke}
.wi{stroke:var(--ink);stroke-width:1.6px}
.wh{stroke:var(--card);stroke-width:4.5px}
.r{stroke:var(--dim);stroke-width:1px}
.cut{stroke:var(--card);stroke-width:4px}
.l,.lw{fill:none;stroke-width:2.2px;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.k1.l,.k2.l,.k1 path,.k2 path{stroke-width:1.6px}
.k1.l,.k1 path{stroke-dasharray:7 4}
.k2.l,.k2 path{stroke-dasharray:2 3}
.lw{stroke-width:1.2px}
.m,.key use{fill:var(--c);stroke:var(--card);stroke-width:1px}
.k1.m,.k1 use{fill:var(--card);stroke:var(--c);stroke-width:1.6px}
.key{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:0 0 8px;padding:0;font-size:14px}
.key li{display:flex;align-items:center;gap:7px;min-width:0}
.key svg{flex:none;width:36px;height:14px}
.key path{stroke:var(--c);stroke-width:2.2px}
.shapes{position:absolute}
.scroll{container-type:inline-size;overflow-x:auto;border-top:1px solid var(--line)}
.scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{text-align:left;color:var(--dim);font-size:13px;padding:8px 0 4px}
caption span{display:inline-block;position:sticky;left:0;max-width:100cqw}
th,td{padding:4px 10px 4px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{font-weight:600}
thead th{color:var(--dim);font-weight:500}
th:first-child{text-align:left;position:sticky;left:0;background:var(--card)}
th[scope=rowgroup]{color:var(--dim);font-size:12px;padding-top:8px}
.dim{color:var(--dim)}
.up{color:var(--up);font-weight:600}
.down{color:var(--down);font-weight:600}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
@media (max-width:600px){main{padding:18px 12px 32px}h1{font-size:26px}h2{font-size:20px;margin-top:30px}.card{padding:14px 12px}
th,td{padding-right:12px}}
@media print{:root{color-scheme:light;--page:#fff}body{font-size:12px}main{max-width:none;padding:0}.card,.short>div{break-inside:avoid}
.scroll{container-type:normal;overflow:visible}caption span{max-width:none}table{font-size:9px}.card{padding:10px}th,td{padding-right:6px}
.wide table{font-size:8px}.wide :is(th,td){padding-right:4px}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";

}  // namespace coir_tool
