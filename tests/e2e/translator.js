// Plays a browser that translates the page, as Chrome's own translation does: each text is replaced by two nested <font> with
// other words, titles and placeholders change too, and what says translate="no" is left alone. It begins when it is told to.
// It keeps what the page wrote over a translation, and how often the page was drawn.
(() => {
  const ATTRIBUTES = ["placeholder", "aria-label", "title"];
  const VOWELS = { a: "â", e: "ê", i: "î", o: "ô", u: "û" };
  const foreign = (text) => text.replace(/[aeiou]/g, (vowel) => VOWELS[vowel]);
  const hasWords = (text) => /[a-z]/i.test(text);
  const ours = new WeakSet();
  const wrote = new Map();
  const translator = { rewritten: [], draws: 0, begin };

  const isLeftAlone = (element) => element?.closest('[translate="no"], script, style, textarea, svg') !== null;
  const nameOf = (element) => element.closest("[id]")?.id ?? element.tagName.toLowerCase();

  function words(node) {
    const { parentElement: parent, data } = node;
    if (parent === null || ours.has(node) || !hasWords(data) || isLeftAlone(parent)) return;
    if (parent.tagName === "TITLE") {
      ours.add(node);
      node.data = foreign(data);
      return;
    }
    const inner = document.createTextNode(foreign(data));
    const [outer, nested] = [document.createElement("font"), document.createElement("font")];
    ours.add(inner);
    nested.append(inner);
    outer.append(nested);
    node.replaceWith(outer);
  }

  function attribute(element, name) {
    const value = element.getAttribute(name);
    if (value === null || !hasWords(value) || isLeftAlone(element)) return false;
    const known = wrote.get(element) ?? {};
    wrote.set(element, known);
    if (known[name] === value) return false;
    known[name] = foreign(value);
    element.setAttribute(name, known[name]);
    return true;
  }

  function below(root) {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) found.push(texts.currentNode);
    found.forEach(words);
    for (const element of [root, ...(root.querySelectorAll?.("*") ?? [])]) {
      if (element instanceof Element) for (const name of ATTRIBUTES) attribute(element, name);
    }
  }

  let begun = false;
  function begin() {
    if (begun) return;
    begun = true;
    document.documentElement.lang = "fr";
    below(document.documentElement);
    new MutationObserver((records) => {
      for (const { type, target, addedNodes, attributeName } of records) {
        if (type === "attributes") {
          if (attribute(target, attributeName)) translator.rewritten.push(`${nameOf(target)} ${attributeName}`);
          continue;
        }
        for (const node of addedNodes) {
          if (ours.has(node) || node.nodeName === "FONT") continue;
          if (node instanceof Text && hasWords(node.data) && !isLeftAlone(target)) translator.rewritten.push(nameOf(target));
          if (node instanceof Text) words(node);
          else below(node);
        }
      }
    }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ATTRIBUTES });
  }

  // Each drawing of the page says whether Next can be pressed.
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLButtonElement.prototype, "disabled");
  Object.defineProperty(HTMLButtonElement.prototype, "disabled", {
    get,
    set(value) {
      if (this.id === "next") translator.draws += 1;
      set.call(this, value);
    },
  });
  window.translator = translator;
})();
