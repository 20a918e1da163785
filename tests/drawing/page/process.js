// Some libraries read Node's `process` although they run in a browser.
globalThis.process = { env: {}, cwd: () => '/' };
