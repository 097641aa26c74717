// A link to evidence opens the disclosure that holds it.
(() => {
  "use strict";
  const open = () => {
    const found = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const holder = found && found.closest("details");
    if (!holder) return;
    holder.open = true;
    found.tabIndex = -1;
    found.focus();
  };
  window.addEventListener("hashchange", open);
  open();
})();
