// What the loader draws, before anything else is fetched. The page can't reach into a closed shadow root, but it can
// reach the host: those rules are !important, which here wins over the page's own.
//
//   <div class="dock" dir>                          position by themeCss
//     <div class="greet"><p>text</p><button>×</button></div>      greeting bubble; p may hold a button that opens
//     <button class="launcher" aria-expanded aria-haspopup="dialog">
//       <svg/> <span class="line"><b>title</b> <span>presence line</span></span> <span class="badge">3</span>
//     </button>
//   </div>
export const launcherCss = `
:host{all:initial!important;display:block!important;position:fixed!important;inset:auto 0 0 auto!important;width:0!important;height:0!important;overflow:visible!important;z-index:2147483647!important;visibility:visible!important;opacity:1!important;pointer-events:auto!important}
:host([hidden]){display:none!important}
*,::before,::after{box-sizing:border-box}
[hidden]{display:none!important}
.dock{position:fixed;bottom:calc(20px + env(safe-area-inset-bottom,0px));display:flex;flex-direction:column;gap:12px;max-width:calc(100vw - 40px);font:15px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;color:var(--f)}
button{font:inherit;color:inherit;margin:0;border:0;background:none;cursor:pointer;-webkit-tap-highlight-color:transparent}
:focus-visible{outline:3px solid var(--t);outline-offset:2px;box-shadow:0 0 0 2px var(--b)}
.launcher{position:relative;display:flex;align-items:center;gap:10px;min-width:56px;height:56px;max-width:100%;padding:0 16px;border-radius:28px;background:var(--c);color:var(--o);box-shadow:0 4px 18px #0005;text-align:start;transition:transform .15s}
.launcher:hover{transform:translateY(-2px)}
svg{flex:none;width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.line{display:block;min-width:0;padding-inline-end:4px}
.line>*{display:block;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.line>span{font-size:13px;line-height:1.3}
.line>b{font-weight:600;line-height:1.3}
.badge{position:absolute;top:-5px;inset-inline-end:-5px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;background:#b3261e;color:#fff;font-size:13px;font-weight:600;line-height:22px;text-align:center;box-shadow:0 0 0 2px #fff}
.greet{display:flex;gap:8px;align-items:start;width:max-content;max-width:min(300px,100%);padding:12px 14px;border-radius:16px;background:var(--b);border:1px solid var(--l);box-shadow:0 4px 18px #0003;overflow-wrap:anywhere}
.greet p{margin:0;min-width:0}
.greet p button{padding:0;text-align:start}
.greet>button{flex:none;width:28px;height:28px;margin:-4px -6px 0 0;margin-inline:0 -6px;border-radius:50%;font-size:18px;line-height:1;color:var(--d)}
@media(max-width:480px){.launcher{padding:0;justify-content:center;width:56px}.line{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}.dock.open{display:none}}
@media(prefers-reduced-motion:reduce){*,::before,::after{transition:none!important;animation:none!important}}
@media(forced-colors:active){.launcher,.greet{border:1px solid}}
@media print{:host{display:none!important}}
`;
