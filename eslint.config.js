import tseslint from "typescript-eslint"

export default tseslint.config(
  { ignores: ["dist/", ".wxt/", "coverage/", "test-results/", "playwright-report/", "docs/examples/"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: [
          "shared/page/tsconfig.json",
          "shared/tsconfig.json",
          "native-host/tsconfig.json",
          "extension/tsconfig.json",
          "tests/tsconfig.json",
        ],
      },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // Contracts are asynchronous where some implementation has to be: a memory provider has nothing to await.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/dot-notation": ["error", { allowIndexSignaturePropertyAccess: true }],
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  { files: ["**/*.js", "**/*.mjs"], ...tseslint.configs.disableTypeChecked },
)
