// Runs before the first paint, so that a dark page does not flash white. Not a module on purpose: modules wait.
(function () {
  let choice = null;
  try {
    choice = localStorage.getItem('hubbub.theme');
  } catch {
    // Storage is forbidden here: the system's choice it is.
  }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
