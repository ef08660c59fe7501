/**
 * The style sheet of the report. Light is the ground, so that paper gets it whatever the screen likes; dark replaces
 * the colours on screens that ask for it.
 *
 * Nothing is told by colour alone: lines have dashes, marks and names at their ends, checks have signs. The colours
 * are taken apart in lightness too, for eyes that do not see all of them.
 */

const LIGHT = `
--paper:#fdfdfb;--card:#ffffff;--ink:#16202c;--soft:#55616f;--faint:#d9dee4;--hair:#e8ebef;--band-0:#f3f5f7;--band-1:#e9edf1;
--good:#0b6b3a;--good-back:#e4f4ea;--bad:#a8141e;--bad-back:#fdeaea;--unsure:#7a4b00;--unsure-back:#fdf1dc;
--live:#0067a8;--stored:#16202c;--stale:#c8460a;--data:#6a3fb5;--pool:#00745a;--pinned:#b0246b;--accent:#0067a8;
--p0:#c8460a;--p1:#8f6a00;--p2:#a3307f;--p3:#5d6875;--p4:#0067a8;--p5:#007a5e;--p6:#5b3fc4;--p7:#16202c;--p8:#7a4b3a;
`;
const DARK = `
--paper:#11161d;--card:#171e27;--ink:#e8edf3;--soft:#a3afbd;--faint:#36414e;--hair:#252e39;--band-0:#19212a;--band-1:#202a35;
--good:#6fdc9c;--good-back:#10301f;--bad:#ff9a9a;--bad-back:#401a1d;--unsure:#ffcf85;--unsure-back:#3a2a0e;
--live:#5cb8f5;--stored:#e8edf3;--stale:#ff9356;--data:#b99bff;--pool:#4fd1ab;--pinned:#ff8ac0;--accent:#5cb8f5;
--p0:#ff9356;--p1:#e0bd4a;--p2:#f08fd0;--p3:#a3afbd;--p4:#5cb8f5;--p5:#4fd1ab;--p6:#a893ff;--p7:#e8edf3;--p8:#d6a58f;
`;
/** Dashes of the lines of the policies in the chart of all of them. */
const DASHES = ['none', '9 3', '2 3', '10 3 2 3', 'none', '6 4', '2 4', '13 3 3 3', '4 2'];

const POLICIES = DASHES.map((dash, index) => {
  const name = index === DASHES.length - 1 ? 'other' : String(index);
  return `.policy-${name}{--c:var(--p${String(index)});--dash:${dash}}`;
}).join('\n');

/** The whole style sheet; it contains no `<`. */
export const STYLE = `
:root{color-scheme:light;${LIGHT}
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;${DARK}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:1424px;padding:clamp(20px,4vw,56px) clamp(16px,3.2vw,48px);background:var(--paper);color:var(--ink);font:16px/1.55 var(--sans);font-variant-numeric:tabular-nums;overflow-wrap:break-word}
h1,h2,h3,h4,p,dl,dd,ol,ul,figure,pre{margin:0;padding:0}
h1{font-size:clamp(26px,3.5vw,44px);line-height:1.16;letter-spacing:-.018em;font-weight:680;max-width:26em;text-wrap:balance}
h2{font-size:clamp(20px,2vw,26px);line-height:1.25;letter-spacing:-.01em;font-weight:660}
h3{font-size:17px;line-height:1.3;font-weight:650}
h4{font-size:14px;line-height:1.35;font-weight:640}
code{font-family:var(--mono);font-size:.94em}
.eyebrow{font-size:14px;font-weight:680;margin-bottom:clamp(14px,2vw,24px);letter-spacing:.01em}
.eyebrow span{font-weight:400;color:var(--soft);margin-left:.5em}
section{margin-top:clamp(44px,5.5vw,80px)}
section section{margin-top:32px}
.lead{color:var(--soft);max-width:76ch;margin-top:8px}
.quiet{color:var(--soft);font-size:14px;margin-top:24px}
.verdicts{display:flex;flex-wrap:wrap;gap:8px;margin-top:20px}
.verdict{display:inline-block;border-radius:6px;padding:4px 12px;font-size:15px;font-weight:620;text-decoration:none;border:1px solid currentColor}
.good{color:var(--good);background:var(--good-back)}
.bad{color:var(--bad);background:var(--bad-back)}
.unsure{color:var(--unsure);background:var(--unsure-back)}
.errors{margin-top:20px;border:1px solid var(--bad);border-left-width:5px;border-radius:6px;background:var(--bad-back);padding:16px 20px;color:var(--ink)}
.errors h2{font-size:17px;color:var(--bad)}
.errors ul{padding-left:1.2em;margin-top:8px;font-size:14.5px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,230px),1fr));gap:20px 28px;margin-top:32px}
.figures>div{border-top:2px solid var(--ink);padding-top:10px}
.figures dt{font-size:13.5px;color:var(--soft);line-height:1.35}
.figures dd{display:flex;flex-direction:column;margin-top:4px}
.figures strong{font-size:30px;line-height:1.15;font-weight:660;letter-spacing:-.015em}
.figures span{font-size:13.5px;color:var(--soft);min-height:1.5em}
.story{display:grid;grid-template-columns:minmax(0,1fr);gap:28px clamp(24px,3vw,48px)}
.story h2{font-size:18px;margin-bottom:8px}
.story p{max-width:68ch}
.legend,.phases{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr));gap:6px 28px;margin-top:14px;font-size:14.5px;line-height:1.45}
.legend{grid-template-columns:repeat(auto-fill,minmax(min(100%,236px),1fr));gap:12px 28px;margin-top:18px}
.legend dt{font-weight:640;white-space:nowrap}
.legend dd,.phases li{color:var(--soft)}
.phases{padding-left:1.5em;gap:4px 44px;margin-top:8px}
.phases b{color:var(--ink);font-weight:640}
.phases li::marker{color:var(--ink);font-weight:640}
.sample{width:34px;height:12px;margin-right:8px;vertical-align:-1px}
.overlay{margin-top:20px}
figcaption{font-size:14.5px;color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:40px clamp(20px,2vw,32px);margin-top:24px}
.tiles-1{grid-template-columns:minmax(0,760px)}
.tiles-2{grid-template-columns:repeat(auto-fill,minmax(min(100%,max(300px,40%)),1fr))}
.tiles-3{grid-template-columns:repeat(auto-fill,minmax(min(100%,max(300px,26%)),1fr))}
.tile{border-top:2px solid var(--ink);padding-top:10px;min-width:0;display:grid;grid-template-columns:minmax(0,1fr);grid-template-rows:subgrid;grid-row:span 6;row-gap:0;align-content:start}
.tile.short{grid-row:span 3}
.examples{margin-top:8px;padding-left:1.2em;overflow-wrap:anywhere}
.tile figcaption p{line-height:1.4;margin-top:2px}
.tile h3{color:var(--ink)}
.key{display:inline-block;width:11px;height:11px;border-radius:3px;background:var(--c);margin-right:8px;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.what{font-size:13px;font-weight:640;margin-top:14px;color:var(--soft)}
.missing{color:var(--soft);font-style:italic;margin-top:12px}
svg.chart{display:block;width:100%;height:auto;overflow:visible;margin-top:4px;-webkit-print-color-adjust:exact;print-color-adjust:exact}
svg.chart text{font:11px var(--sans);fill:var(--soft);font-variant-numeric:tabular-nums}
svg .band-0{fill:var(--band-0)}
svg .band-1{fill:var(--band-1)}
svg .grid{stroke:var(--faint);stroke-width:.7}
svg .axis{stroke:var(--soft);stroke-width:1}
svg text.phase,svg text.position,svg text.second{text-anchor:middle}
svg text.phase{font-weight:620}
svg text.value{text-anchor:end}
.curve{--w:1.6}
svg .line{fill:none;stroke:var(--c);stroke-width:var(--w);stroke-dasharray:var(--dash,none);stroke-dashoffset:var(--shift,0);stroke-linejoin:round}
svg .curve circle,svg .curve path:not(.line):not(.area){fill:var(--c);stroke:none}
svg .end{fill:var(--paper);stroke:var(--c);stroke-width:1.4}
svg .area{fill:var(--c);fill-opacity:.17;stroke:none}
svg .leader{fill:none;stroke:var(--c);stroke-width:.8;opacity:.7}
svg.chart .label text{fill:var(--c);font-weight:620}
svg.chart .label .figure{font-weight:400}
.live{--c:var(--live);--w:3}
.stored{--c:var(--stored);--w:1.4;--dash:4 4}
.stale{--c:var(--stale);--dash:1.5 2.2}
.data{--c:var(--data);--w:1.9}
.pool{--c:var(--pool);--dash:5 3}
.pinned{--c:var(--pinned);--w:1.4}
.resident{--c:var(--live);--w:1}
.held{--c:var(--pool);--w:1}
.wasted{--c:var(--stale);--w:1.6}
.unused{--c:var(--soft);--w:1}
svg .area.resident,svg .area.held{fill-opacity:.42}
svg .area.wasted{fill-opacity:.72}
svg .area.unused{fill-opacity:.1}
svg line.mark{stroke:var(--bad);stroke-width:1}
svg line.mark.named{stroke-dasharray:3 2}
svg.chart text.mark{fill:var(--ink);font-weight:640;paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
svg text.mark.before{text-anchor:end}
.whys{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:26px clamp(24px,2.6vw,40px);margin-top:18px}
.why p{margin-top:8px;max-width:68ch}
.why{min-width:0;border-top:1px solid var(--faint);padding-top:10px}
.expected{list-style:none;margin-top:8px;max-width:76ch}
.met{color:var(--good)}
.unmet{color:var(--bad)}
${POLICIES}
svg.at-small,svg.at-medium,svg.at-large{display:none}
@media (max-width:599.9px){svg.at-small{display:block}}
@media (min-width:600px) and (max-width:1099.9px){svg.at-medium{display:block}}
@media (min-width:1100px){svg.at-large{display:block}svg.at-most-medium{display:none}}
details{margin-top:12px;font-size:14px}
summary{cursor:pointer;color:var(--accent);font-weight:560;width:fit-content;border-radius:3px}
.scroll{position:relative;overflow-x:auto;margin-top:8px;border:1px solid var(--hair);border-radius:6px;background:var(--card)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.numbers{font-size:13px;width:100%}
.numbers th,.numbers td{padding:5px 10px;text-align:right;white-space:nowrap;font-weight:400;border-bottom:1px solid var(--hair)}
.numbers thead th{color:var(--soft);font-weight:600;border-bottom:1px solid var(--faint)}
.numbers tr:last-child>*{border-bottom:0}
.numbers tbody+tbody tr:first-child>*{border-top:1px solid var(--faint)}
.numbers .word,.checks .word{text-align:left}
.blocks{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr));gap:26px clamp(24px,2.6vw,40px);margin-top:14px}
#h-costs~h3{margin-top:36px}
#h-costs+h3{margin-top:20px}
.block{min-width:0;border-top:1px solid var(--faint);padding-top:10px;display:grid;grid-template-columns:minmax(0,1fr);grid-template-rows:subgrid;grid-row:span 3;row-gap:0;align-content:start}
.remark{font-size:13px;line-height:1.4;color:var(--soft)}
.same{margin-top:8px;font-size:14px}
.bars{width:100%;align-self:start;margin-top:8px;font-size:13.5px;line-height:1.3}
.bars th{font-weight:400;text-align:left;white-space:nowrap;padding:3px 10px 3px 0;width:1%}
.bars td{padding:3px 0;text-align:right;white-space:nowrap;width:1%}
.bars .bar{width:auto;padding-right:10px}
.bars .bar span{display:block;height:11px;min-width:1px;background:var(--c);border-radius:0 2px 2px 0;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.checks{margin-top:16px;font-size:14.5px;width:100%;max-width:820px}
.checks th,.checks td{padding:7px 12px;text-align:right;border-bottom:2px solid var(--paper)}
.checks thead th{color:var(--soft);font-size:13px;line-height:1.3;font-weight:600;vertical-align:bottom;border-bottom:1px solid var(--faint)}
.checks tbody th{font-weight:600}
.checks th:first-child{padding-left:0}
.checks td b{float:left}
.command{margin-top:16px;padding:14px 18px;background:var(--card);border:1px solid var(--faint);border-left:4px solid var(--accent);border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;-webkit-user-select:all;user-select:all;font-size:15px}
.setup{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));column-gap:clamp(28px,4vw,56px);margin-top:24px;font-size:14.5px}
.setup>div{display:grid;grid-template-columns:11em minmax(0,1fr);gap:12px;border-top:1px solid var(--hair);padding:7px 0}
.setup>.wide{grid-column:1/-1}
.setup dt{color:var(--soft)}
.setup dd{overflow-wrap:anywhere}
@media (min-width:1000px){.story{grid-template-columns:repeat(3,minmax(0,1fr))}}
@media (max-width:479.9px){
body{font-size:15px}
.setup>div{grid-template-columns:8.5em minmax(0,1fr)}
.figures{grid-template-columns:1fr 1fr;gap:18px}
.figures strong{font-size:23px}
.checks th,.checks td{padding:7px 8px}
.checks thead th{font-size:12px}
}
@page{margin:12mm 14mm}
@media print{
body{padding:0;max-width:none;font-size:10pt;line-height:1.45;--paper:#fff}
.tiles{gap:20px 24px;margin-top:12px}
.tile figcaption{font-size:9pt}
.what{margin-top:6px}
.blocks{gap:16px 24px}
.story{grid-template-columns:1fr;gap:12px}
.story h2{margin-bottom:2px}
.figures{grid-template-columns:repeat(4,1fr)}
.figures strong{font-size:20px}
section{margin-top:28px}
h1{font-size:22pt}
h2,h3,.lead,.what{break-after:avoid}
.tile svg.chart{width:93%}
.tile,.block,.figures>div,.setup>div,.overlay,.errors,tr{break-inside:avoid}
.tiles-2{grid-template-columns:1fr 1fr}
details:not([open]){display:none}
.scroll{overflow:visible;border:0}
.numbers{font-size:8pt}
.numbers th,.numbers td{padding:2px 4px;white-space:normal}
.verdict,td.good,td.bad,.errors{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
`;
