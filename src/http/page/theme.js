// Light, dark, or as the system says.

const themes = ["system", "light", "dark"];

function storedTheme() {
  try {
    const theme = localStorage.getItem("starling-theme");
    return themes.includes(theme) ? theme : "system";
  } catch {
    return "system"; // storage is forbidden: the choice lasts as long as the page
  }
}

function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(byId("theme"), `Theme: ${theme}`);
}

function setUpTheme() {
  let theme = storedTheme();
  applyTheme(theme);
  byId("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    applyTheme(theme);
    try {
      localStorage.setItem("starling-theme", theme);
    } catch {
      // as above
    }
  });
}
