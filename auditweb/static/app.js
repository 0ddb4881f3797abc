// Keys for those who like them; every page works without this file.
(() => {
  "use strict";
  const items = () => [...document.querySelectorAll(".item")];
  let here = -1;

  const move = (step) => {
    const all = items();
    if (!all.length) return;
    if (here >= 0 && all[here]) all[here].classList.remove("here");
    here = Math.min(all.length - 1, Math.max(0, here + step));
    all[here].classList.add("here");
    all[here].scrollIntoView({ block: "nearest" });
    const link = all[here].querySelector(".when a");
    if (link) link.focus({ preventScroll: true });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const into = event.target.closest("input, select, textarea");
    if (into) {
      if (event.key === "Escape") into.blur();
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      const box = document.getElementById("q");
      box.focus();
      box.select();
    } else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "e") {
      const link = document.querySelector(".export a");
      if (link) link.focus();
    }
  });

  // A form's empty fields need not be in the address.
  for (const form of document.querySelectorAll("form.filter")) {
    form.addEventListener("formdata", (event) => {
      for (const [name, text] of [...event.formData]) if (!text) event.formData.delete(name);
    });
  }
})();
