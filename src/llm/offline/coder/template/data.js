@@OPENING@@
// @@TITLE@@
//
//   node @@NAME@@ [FILE] [--category NAME] [--value NAME]     adds up a CSV file by category and by month
//   node @@NAME@@ --self-test                                 runs the script's own tests
//
// Nothing but Node's own modules.
@@IMPORTS@@

// What was found in the data; change it here if it was read wrongly.
const SETTINGS = @@SETTINGS@@;

function parseTable(text) {
  const clean = text.replace(/^\ufeff/, "");
  const first = clean.split(/\r?\n/).find((line) => line.trim()) || "";
  const count = (mark) => first.split(mark).length;
  const delimiter = [SETTINGS.delimiter, ",", ";", "\t", "|"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < clean.length; at += 1) {
    const c = clean[at];
    if (quoted) {
      if (c === '"' && clean[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else if (c === '"') {
        quoted = false;
      } else {
        cell += c;
      }
    } else if (c === '"' && cell === "") {
      quoted = true;
    } else if (c === delimiter) {
      row.push(cell);
      cell = "";
    } else if (c === "\n") {
      row.push(cell);
      rows.push(row);
      row = [];
      cell = "";
    } else if (c !== "\r") {
      cell += c;
    }
  }
  if (cell || row.length) {
    row.push(cell);
    rows.push(row);
  }
  const filled = rows.filter((cells) => cells.some((value) => value.trim()));
  if (!filled.length) {
    throw new Error("the table is empty");
  }
  const seen = new Map();
  const columns = filled[0].map((name, index) => {
    const plain = name.trim().replace(/\s+/g, " ") || `column ${index + 1}`;
    seen.set(plain, (seen.get(plain) || 0) + 1);
    return seen.get(plain) === 1 ? plain : `${plain} (${seen.get(plain)})`;
  });
  return { columns, rows: filled.slice(1).map((cells) => columns.map((_, index) => (cells[index] || "").trim())) };
}

function parseNumber(text) {
  let plain = text.replace(/[\s\u00a0\u202f'’_€$£¥%]/g, "").replace("\u2212", "-");
  if (/^\(.*\)$/.test(plain)) {
    plain = "-" + plain.slice(1, -1);
  }
  plain = SETTINGS.decimalComma ? plain.replace(/\./g, "").replace(",", ".") : plain.replace(/,/g, "");
  return plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : null;
}

function parseMonth(text) {
  let match = text.match(/^(\d{4})[-/](\d{1,2})/);
  if (match) {
    return `${match[1]}-${match[2].padStart(2, "0")}`;
  }
  match = text.match(/^(\d{1,2})[./-](\d{1,2})[./-](\d{4})/);
  if (match) {
    return `${match[3]}-${(SETTINGS.monthFirst ? match[1] : match[2]).padStart(2, "0")}`;
  }
  return /^\d{4}$/.test(text) ? text : null;
}

function totals(table, keyOf, value) {
  const index = table.columns.indexOf(value);
  const sums = new Map();
  let leftOut = 0;
  for (const row of table.rows) {
    const key = keyOf(row);
    const number = index < 0 ? 1 : parseNumber(row[index]);
    if (key === null || number === null) {
      leftOut += 1;
    } else {
      sums.set(key, (sums.get(key) || 0) + number);
    }
  }
  return { pairs: [...sums], leftOut };
}

function byCategory(table, category, value) {
  const index = table.columns.indexOf(category);
  const result = totals(table, (row) => (index < 0 ? "all rows" : row[index] || "(none)"), value);
  result.pairs.sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  return result;
}

function byMonth(table, value) {
  const index = table.columns.indexOf(SETTINGS.date);
  const result = index < 0 ? { pairs: [], leftOut: 0 } : totals(table, (row) => parseMonth(row[index]), value);
  result.pairs.sort((a, b) => a[0].localeCompare(b[0]));
  return result;
}

function print(title, result) {
  console.log(`\n${title}`);
  for (const [name, number] of result.pairs) {
    console.log(`  ${name.padEnd(24)} ${number.toLocaleString("en", { maximumFractionDigits: 2 }).padStart(16)}`);
  }
  if (result.leftOut) {
    console.log(`  ${result.leftOut} rows were left out: no number or no date.`);
  }
}

function selfTest() {
  const table = parseTable(SETTINGS.sample);
  assert.equal(table.rows.length, SETTINGS.sampleRows);
  const sum = (result) => result.pairs.reduce((total, [, number]) => total + number, 0);
  assert.ok(Math.abs(sum(byCategory(table, SETTINGS.category, SETTINGS.value)) - SETTINGS.sampleTotal) < 1e-4);
  assert.deepEqual(parseTable('a,"b ""c"""\n1,"x\ny"').rows, [["1", "x\ny"]]);
  assert.equal(parseNumber("abc"), null);
  assert.throws(() => parseTable("\n"));
  console.log("all tests passed");
}

function main(argv) {
  const options = { file: SETTINGS.file, category: SETTINGS.category, value: SETTINGS.value };
  for (let at = 0; at < argv.length; at += 1) {
    if (argv[at] === "--self-test") {
      return selfTest();
    } else if (argv[at] === "--category" || argv[at] === "--value") {
      options[argv[at].slice(2)] = argv[at + 1];
      at += 1;
    } else {
      options.file = argv[at];
    }
  }
  const table = parseTable(readFileSync(options.file, "utf8"));
  for (const name of [options.category, options.value]) {
    if (name && !table.columns.includes(name)) {
      throw new Error(`there is no column ${name}; there are: ${table.columns.join(", ")}`);
    }
  }
  console.log(`${options.file}: ${table.rows.length} rows, ${table.columns.length} columns`);
  print(`${options.value || "rows"} by ${options.category || "nothing"}`, byCategory(table, options.category, options.value));
  print(`${options.value || "rows"} by month`, byMonth(table, options.value));
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}
