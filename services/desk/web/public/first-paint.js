// Sets language, direction and colour scheme before the first paint, so that nothing flips or flashes.
(function () {
  var root = document.documentElement;
  var read = function (key) {
    try {
      return localStorage.getItem(key);
    } catch (refused) {
      return null;
    }
  };
  var locale = read("payvand-locale");
  if (!locale) {
    var wanted = (navigator.language || "en").slice(0, 2);
    locale = wanted === "fa" || wanted === "ru" ? wanted : "en";
  }
  root.lang = locale;
  root.dir = locale === "fa" ? "rtl" : "ltr";
  var scheme = read("payvand-color-scheme");
  if (scheme !== "light" && scheme !== "dark") {
    scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  root.setAttribute("data-mantine-color-scheme", scheme);
})();
