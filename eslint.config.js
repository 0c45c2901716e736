import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Names that hold words on screen, and are written by one file only. */
const WORDS = "textContent|innerText|outerText|innerHTML|outerHTML|nodeValue|srcdoc";
const WORDS_OF_ATTRIBUTES = "title|placeholder|alt|ariaLabel|ariaDescription|ariaRoleDescription|ariaValueText|ariaPlaceholder|label";
const WRITERS = "setAttribute|toggleAttribute|setAttributeNS|setCustomValidity|createTextNode|insertAdjacentText|insertAdjacentHTML|setHTMLUnsafe|setHTML|write|writeln";
const INSERTERS = "append|prepend|before|after|replaceWith|replaceChildren";
const HOW = "elements.ts writes what is on screen: when our value changes, and never compared with the document.";

/** The page's words are written by elements.ts: a page that a browser translates would be rewritten at every change of anything. */
export const writing = [
  `MemberExpression[property.name=/^(${WORDS})$/]`,
  `ObjectPattern > Property[key.name=/^(${WORDS})$/]`,
  `AssignmentExpression > MemberExpression.left[property.name=/^(${WORDS_OF_ATTRIBUTES})$/]`,
  `CallExpression[callee.type="MemberExpression"][callee.property.name=/^(${WRITERS})$/]`,
  `CallExpression[callee.property.name=/^(${INSERTERS})$/] > :matches(TemplateLiteral, Literal[value=/\\S/], BinaryExpression).arguments`,
  `NewExpression[callee.name=/^(Option|Text)$/]`,
].map((selector) => ({ selector, message: HOW }));

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "src/duologue/web/**", "**/.next/**"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in texts and addresses are ours (versions, counts), never a value of unknown shape.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // A call that is handed on, by an arrow or a return, reads better on one line.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "off",
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["pages/chat/src/**/*.ts"],
    ignores: ["pages/chat/src/elements.ts"],
    rules: { "no-restricted-syntax": ["error", ...writing] },
  },
  {
    files: ["**/test/**/*.ts"],
    rules: {
      // Doubles of browser interfaces implement only what is called.
      "@typescript-eslint/no-unsafe-type-assertion": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  {
    files: ["examples/**/*.{js,jsx,mjs}", "tests/**/*.mjs"],
    languageOptions: {
      parserOptions: { ecmaFeatures: { jsx: true } },
      globals: Object.fromEntries(
        ["Buffer", "MediaStream", "Response", "addEventListener", "console", "crypto", "document", "fetch", "location", "navigator"]
          .concat(["process", "sessionStorage", "setTimeout", "URL"])
          .map((name) => [name, "readonly"]),
      ),
    },
    // A component's name in JSX is a use that this linter does not see.
    rules: { "no-unused-vars": ["error", { varsIgnorePattern: "^[A-Z]" }] },
  },
  {
    files: ["**/*.mjs", "**/*.js"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly", Buffer: "readonly" } },
  },
);
