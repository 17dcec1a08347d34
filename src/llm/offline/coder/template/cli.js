@@OPENING@@
// @@TITLE@@
//
//   node @@NAME@@ COMMAND [PATH ...]
//   node @@NAME@@ --self-test
//
// What a command does is still to be filled in: see the functions that throw.
@@IMPORTS@@

@@FUNCTIONS@@const commands = { @@COMMANDS@@ };

function selfTest() {
  for (const [name, command] of Object.entries(commands)) {
    try {
      assert.equal(typeof command({ "a.txt": "text" }), "string", name);
    } catch (error) {
      assert.match(error.message, /fill in/);
    }
  }
  console.log("all tests passed");
}

function main([name, ...paths]) {
  if (name === "--self-test") {
    selfTest();
  } else if (Object.hasOwn(commands, name || "")) {
    const inputs = Object.fromEntries(paths.map((path) => [path, readFileSync(path, "utf8")]));
    console.log(commands[name](inputs));
  } else {
    throw new Error(`a command is needed: ${Object.keys(commands).join(", ")}`);
  }
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}
