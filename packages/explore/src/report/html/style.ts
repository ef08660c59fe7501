/**
 * The style sheet of the page: the look of the reports of swaplab. Light is the ground, so that paper gets it whatever the screen likes; dark replaces
 * the colours on screens that ask for it.
 *
 * Nothing is told by colour alone: each thread has its column or its indent and its name, the present step an arrow.
 */

const LIGHT = `
--paper:#fdfdfb;--card:#ffffff;--ink:#16202c;--soft:#55616f;--faint:#d9dee4;--hair:#e8ebef;--band-0:#f3f5f7;--band-1:#e9edf1;
--good:#0b6b3a;--good-back:#e4f4ea;--bad:#a8141e;--bad-back:#fdeaea;--unsure:#7a4b00;--unsure-back:#fdf1dc;--accent:#0067a8;--now:#e3f0fb;
--t0:#0067a8;--t1:#b8420a;--t2:#007a5e;--t3:#a3307f;--t4:#5b3fc4;--t5:#806000;--t6:#7a4b3a;--t7:#5d6875;
`;
const DARK = `
--paper:#11161d;--card:#171e27;--ink:#e8edf3;--soft:#a3afbd;--faint:#36414e;--hair:#252e39;--band-0:#19212a;--band-1:#202a35;
--good:#6fdc9c;--good-back:#10301f;--bad:#ff9a9a;--bad-back:#401a1d;--unsure:#ffcf85;--unsure-back:#3a2a0e;--accent:#5cb8f5;--now:#14344d;
--t0:#5cb8f5;--t1:#ff9356;--t2:#4fd1ab;--t3:#f08fd0;--t4:#a893ff;--t5:#e0bd4a;--t6:#d6a58f;--t7:#a3afbd;
`;

/** How many colours there are for threads; a further thread has the colour of an earlier one. */
export const THREAD_COLOURS = 8;

const THREADS = Array.from({ length: THREAD_COLOURS }, (_, index) => `.t${index}{--c:var(--t${index})}`).join(
  '\n',
);

/** The whole style sheet; it contains no `<`. */
export const STYLE = `
:root{color-scheme:light;${LIGHT}
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;${DARK}}}
${THREADS}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:1424px;padding:clamp(20px,4vw,56px) clamp(16px,3.2vw,48px);background:var(--paper);color:var(--ink);font:16px/1.55 var(--sans);font-variant-numeric:tabular-nums;overflow-wrap:break-word}
h1,h2,h3,p,dl,dd,ol,ul,figure,pre{margin:0;padding:0}
h1{font-size:clamp(22px,2.6vw,34px);line-height:1.2;letter-spacing:-.014em;font-weight:680;max-width:34em;overflow-wrap:anywhere;text-wrap:pretty}
h2{font-size:clamp(20px,2vw,26px);line-height:1.25;letter-spacing:-.01em;font-weight:660}
h3{font-size:15px;line-height:1.3;font-weight:650}
code,.mono{font-family:var(--mono);font-size:.94em}
.eyebrow{font-size:14px;font-weight:680;margin-bottom:clamp(14px,2vw,24px);letter-spacing:.01em}
.eyebrow span{font-weight:400;color:var(--soft);margin-left:.5em}
section{margin-top:clamp(36px,4.5vw,64px)}
.lead{color:var(--soft);max-width:76ch;margin-top:8px}
.verdicts{display:flex;flex-wrap:wrap;gap:8px;margin-top:18px}
.verdict{display:inline-block;border-radius:6px;padding:4px 12px;font-size:15px;font-weight:620;border:1px solid currentColor}
.good{color:var(--good);background:var(--good-back)}
.bad{color:var(--bad);background:var(--bad-back)}
.unsure{color:var(--unsure);background:var(--unsure-back)}
.story{margin-top:24px;border-left:4px solid var(--accent);padding:2px 0 2px 18px;max-width:78ch}
.story p+p{margin-top:.7em}
.story h2{font-size:18px;margin-bottom:6px}
.reasons{display:grid;grid-template-columns:minmax(0,1fr);gap:24px 48px;margin-top:14px;align-items:start}
.reasons ul{list-style:none}
.reasons li{border-top:1px solid var(--hair);padding:7px 0;overflow-wrap:anywhere}
.reasons li:first-child{border-top:0}
.graph{display:block;width:100%;max-width:400px;height:auto}
.graph text{font:13px var(--sans);fill:var(--ink)}
.graph .name{font:600 13px var(--mono);text-anchor:middle}
.graph .label{fill:var(--soft);font-size:12px}
.graph .node{fill:var(--card);stroke:var(--ink);stroke-width:1.4}
.graph .node.lock{stroke-dasharray:5 3}
.graph .link{fill:none;stroke:var(--soft);stroke-width:1.5}
.graph .tip{fill:var(--soft)}
.graph .link.back{stroke:var(--bad)}
.graph .tip.back{fill:var(--bad)}
.player{display:grid;grid-template-columns:minmax(0,1fr);gap:16px;margin-top:16px}
.list{border:1px solid var(--faint);border-radius:8px;background:var(--card);max-height:52vh;overflow:auto;position:relative;overscroll-behavior:contain}
.steps{list-style:none;font-size:13.5px;line-height:1.4;padding-bottom:6px}
.heads{display:none}
.row{display:grid;grid-template-columns:3.4em minmax(0,1fr);cursor:pointer;padding:2px 10px 2px 0;border-left:4px solid transparent}
.row:hover{background:var(--band-0)}
.row .n{color:var(--soft);text-align:right;padding-right:10px;font-size:12.5px;padding-top:1px}
.cell{min-width:0;border-left:3px solid var(--c);padding-left:8px;margin-left:calc(min(var(--t),8)*9px);overflow-wrap:anywhere}
.cell .what{display:block}
.cell .note{color:var(--soft)}
.cell .where{display:block;color:var(--soft);font:12px/1.35 var(--mono)}
.cell .who{display:block;color:var(--c);font-weight:640;font-size:12.5px}
.row.now{background:var(--now);border-left-color:var(--accent)}
.row.now .n{color:var(--ink);font-weight:700}
.row.now .n::before{content:"\\25B6\\FE0E ";font-size:9px;color:var(--accent);vertical-align:1px}
.row.failed .what{color:var(--bad);font-weight:640}
.fold,.switch{padding:4px 12px 4px 3.4em;color:var(--soft);font-size:13px}
.fold::before{content:"\\22EE";margin-right:8px}
.switch{color:var(--ink);background:var(--band-0);border-block:1px solid var(--hair);margin-block:3px;padding-left:14px}
.switch b{font-weight:640;color:var(--c)}
.switch span{color:var(--soft)}
.panel{min-width:0;display:flex;flex-direction:column;gap:12px}
.controls{display:flex;align-items:center;gap:6px;flex-wrap:wrap}
button{font:600 15px/1 var(--sans);color:var(--ink);background:var(--card);border:1px solid var(--faint);border-radius:6px;padding:9px 12px;cursor:pointer;min-width:42px;min-height:38px}
button:hover{border-color:var(--soft)}
button:disabled{opacity:.45;cursor:default}
.controls input[type=range]{flex:1 1 130px;min-width:110px;accent-color:var(--accent);height:28px}
.levels{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:14px;border:0;padding:0;margin:12px 0 0}
.levels label{display:inline-flex;gap:6px;align-items:center;cursor:pointer}
.levels input{accent-color:var(--accent)}
.current{border:1px solid var(--faint);border-left:4px solid var(--c,var(--accent));border-radius:6px;background:var(--card);padding:12px 16px;min-height:128px}
.current .count{color:var(--soft);font-size:13.5px}
.current .what{font-size:17px;font-weight:640;line-height:1.3;margin-top:2px;overflow-wrap:anywhere}
.current .where{font:13px/1.4 var(--mono);color:var(--soft);margin-top:4px;overflow-wrap:anywhere}
.current pre{margin-top:8px;padding:7px 10px;background:var(--band-0);border-radius:4px;font:13px/1.45 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere}
.states{list-style:none;font-size:14px;line-height:1.4;border:1px solid var(--faint);border-radius:6px;background:var(--card)}
.states li{padding:8px 14px;border-top:1px solid var(--hair);overflow-wrap:anywhere}
.states li:first-child{border-top:0}
.states b{color:var(--c);font-weight:650}
.states .is{color:var(--soft)}
.states .waits{color:var(--bad);font-weight:600}
.chip{display:inline-block;border:1px solid var(--c);border-radius:5px;padding:0 7px;font:12.5px/1.6 var(--mono);margin:3px 4px 0 0}
.chip small{color:var(--soft);font-size:11.5px}
.keys{font-size:13px;color:var(--soft)}
kbd{font:12px var(--mono);border:1px solid var(--faint);border-radius:4px;padding:0 5px;background:var(--card)}
.ends{display:grid;grid-template-columns:minmax(0,1fr);gap:0;margin-top:14px;font-size:14.5px}
.ends>div{border-top:1px solid var(--hair);padding:8px 0;display:grid;grid-template-columns:minmax(7em,12em) minmax(0,1fr);gap:12px}
@media (min-width:760px){.ends.wide>div{grid-template-columns:minmax(0,21em) minmax(0,1fr)}}
.ends dt{font-weight:640;color:var(--c,var(--ink));overflow-wrap:anywhere}
.ends dd{overflow-wrap:anywhere}
.ends dd p+p{margin-top:2px}
.ends .soft{color:var(--soft)}
.copy{display:flex;gap:8px;align-items:stretch;margin-top:14px;flex-wrap:wrap}
.command{flex:1 1 260px;min-width:0;padding:12px 16px;background:var(--card);border:1px solid var(--faint);border-left:4px solid var(--accent);border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;-webkit-user-select:all;user-select:all;font:14.5px/1.5 var(--mono)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media (min-width:760px){
.reasons.two{grid-template-columns:minmax(0,1fr) minmax(0,400px)}
.columns .heads{display:grid;position:sticky;top:0;z-index:1;background:var(--card);border-bottom:1px solid var(--faint);font-weight:650;font-size:13.5px;padding:9px 10px 9px 4px;grid-template-columns:3.4em repeat(var(--threads),minmax(0,1fr))}
.columns .heads span{color:var(--c);padding-left:11px;overflow-wrap:anywhere}
.columns .row{grid-template-columns:3.4em repeat(var(--threads),minmax(0,1fr))}
.columns .cell{grid-column:calc(var(--t) + 2);margin-left:0}
.columns .cell .who{display:none}
}
@media (min-width:1080px){
.player{grid-template-columns:minmax(0,1.75fr) minmax(340px,1fr);gap:28px;align-items:start}
.list{max-height:calc(100vh - 48px)}
.panel{position:sticky;top:24px}
}
@media (max-width:479.9px){
body{font-size:15px}
.ends>div{grid-template-columns:minmax(0,1fr);gap:2px}
.current{min-height:150px}
}
@page{margin:12mm 14mm}
@media print{
body{padding:0;max-width:none;font-size:10pt;--paper:#fff}
.list{max-height:none;overflow:visible;border:0}
.panel,.levels,.copy button{display:none}
.player{grid-template-columns:1fr}
.row,.switch,.fold{break-inside:avoid}
}
`;
