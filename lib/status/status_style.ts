/** The style of the status page beside that of all pages, in their colours. Apart, for it is long and says nothing of content. */

/** Wide where there is room; on a phone the rows of tables are blocks. */
export const STATUS_STYLE = `body{max-width:58rem}
nav a{margin-right:1.25rem}
h1{margin-bottom:.5rem}
h2{margin:2.75rem 0 .75rem;font-size:1.3rem;line-height:1.3}
h3{margin:1.5rem 0 .5rem;font-size:1.05rem}
p{margin:.5rem 0}
.lead{color:var(--quiet)}
.lead strong{color:var(--ink)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem;margin-top:1.75rem}
.tile{border:1px solid var(--line);border-radius:10px;background:var(--panel);padding:1rem 1.15rem}
.tile h2{margin:0;font-size:1rem;font-weight:600;color:var(--quiet)}
.rates{display:grid;grid-template-columns:repeat(3,1fr);gap:.5rem;margin:.35rem 0 .9rem}
.rates div{display:flex;flex-direction:column-reverse}
dt{color:var(--quiet);font-size:.9rem}
dd{margin:0;font-variant-numeric:tabular-nums}
.rates dd{font-size:1.35rem;font-weight:600;line-height:1.25;white-space:nowrap}
.rates div:first-child dd{color:var(--accent)}
figure{margin:.6rem 0 0}
figcaption{color:var(--quiet);font-size:.85rem;line-height:1.4;margin-top:.2rem}
.curve{display:block;width:100%;height:2.75rem;border-bottom:1px solid var(--line)}
.curve .area{fill:var(--accent);fill-opacity:.14}
.curve .line{fill:none;stroke:var(--accent);stroke-width:1.5;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.bars{margin:.75rem 0 0}
.bars div{display:grid;grid-template-columns:2.5rem 1fr;align-items:center;padding:.2rem 0}
.bars dd{display:grid;grid-template-columns:1fr 7rem 4.5rem;align-items:center;gap:.75rem;text-align:right}
.bar{display:block;height:.6rem;border-radius:.3rem;background:var(--panel);border:1px solid var(--line);overflow:hidden}
.bar span{display:block;height:100%;background:var(--accent)}
.share{color:var(--quiet);font-size:.95rem}
table{border-collapse:collapse;width:100%;margin:.75rem 0}
tr{border-bottom:1px solid var(--line)}
th,td{padding:.45rem 0 .45rem 1.25rem;text-align:right;vertical-align:baseline;font-weight:400;white-space:nowrap;
font-variant-numeric:tabular-nums}
th:first-child{width:100%;padding-left:0;text-align:left;white-space:normal;overflow-wrap:anywhere}
thead th{color:var(--quiet);font-size:.9rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:1rem;margin:.75rem 0}
.facts dd{font-size:1.15rem;font-weight:600}
@media (max-width:40rem){
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{display:flex;flex-wrap:wrap;gap:.1rem 1.25rem;padding:.55rem 0}
tbody th{flex:1 0 100%;padding:0}
tbody td{padding:0;text-align:left;font-size:.95rem;white-space:normal;overflow-wrap:anywhere}
tbody td::before{content:attr(data-name) " ";color:var(--quiet);font-size:.9rem}
.bars dd{grid-template-columns:1fr auto 4rem;gap:.6rem}
}
`;
