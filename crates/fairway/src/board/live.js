// Loads the page again when the files it was made from have changed.
(() => {
  let known;
  const look = async () => {
    try {
      const answer = await fetch("/version", { cache: "no-store" });
      const now = await answer.text();
      if (answer.ok && known && now !== known && !document.activeElement.matches("input")) location.reload();
      if (answer.ok && !known) known = now;
    } catch {
      // The server went away; the next look will tell.
    }
  };
  look();
  setInterval(look, 1000);
})();
