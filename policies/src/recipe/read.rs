//! From a recipe's file to a recipe, with everything that is wrong told at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{DATA, Expect, Program, Question, Ready, Recipe, RecipeLimits, RecipeProblem, Up};
use crate::name::Name;
use crate::plan::Part;
use crate::problem::{Refused, Schema};
use crate::quantity::{Delay, Size};
use crate::read::{self, Entry, Table};

const TYPE: &str = "pulih/recipe/v1";
/// Programs of each part, folders, variables and datasets.
const MAX_LIST: usize = 100;
const MAX_ARGUMENTS: usize = 100;
const MAX_TEXT_BYTES: usize = 4096;
const MAX_PROCESSES: u32 = 10_000;
const MAX_STATUS: u32 = 255;
const MIB: u64 = 1 << 20;
/// Below these are programs and what they need. Not `/run`, where the site's sockets are, nor `/etc`, `/var`, `/home`
/// or `/root`, where secrets are; `/dev`, `/proc` and `/tmp` the box has of its own.
const FOLDERS: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/etc/alternatives", "/etc/ld.so.cache"];

impl Recipe {
    /// Reads a recipe file. `file` is its name as it should stand in errors.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Refused> {
        read::read(Schema::Recipe, file, bytes, |sink, root| recipe(&Table::root(sink, root)))
    }
}

fn recipe(root: &Table) -> Option<Recipe> {
    let kind = root.needed("type")?;
    if kind.text()? != TYPE {
        kind.report(RecipeProblem::Type.into());
        return None;
    }
    let name = root.needed("name").and_then(|entry| entry.parse());
    let version = root.needed("version").and_then(|entry| entry.number(1, u32::MAX));
    let datasets = datasets(root);
    let limits = limits(root);
    let programs = programs(root);
    let env = env(root);
    let run = |table: &Table, key| program(&table.needed(key)?, &programs);
    let up = items(root, "up", 0, |table| {
        // What is there and wrong was told, so that the recipe is refused whatever stands here.
        let background = table.entry("background").and_then(|entry| entry.boolean()).unwrap_or(false);
        let ready = table.entry("ready").and_then(|entry| ready(&entry, &programs));
        Some(Up { run: run(table, "run")?, background, ready })
    });
    let ask = items(root, "ask", 1, |table| {
        let (run, expect) = (run(table, "run"), expect(table));
        Some(Question { run: run?, expect })
    });
    let down = items(root, "down", 0, |table| run(table, "run"));
    root.finish();
    let (datasets, limits, up, ask, down) = (datasets?, limits?, up?, ask?, down?);
    Some(Recipe { name: name?, version: version?, datasets, limits, programs, env, up, ask, down })
}

/// The tables of a list; `None`: one of them is wrong, which was told.
fn items<T>(root: &Table, key: &'static str, least: usize, read: impl Fn(&Table) -> Option<T>) -> Option<Vec<T>> {
    let entry = if least > 0 {
        root.needed(key)?
    } else {
        match root.entry(key) {
            Some(entry) => entry,
            None => return Some(Vec::new()),
        }
    };
    let list = entry.list(least, MAX_LIST)?;
    let read_one = |item: &Entry| {
        let table = item.table()?;
        let read = read(&table);
        table.finish();
        read
    };
    // All are looked at, also after one that is wrong.
    let read: Vec<Option<T>> = list.iter().map(read_one).collect();
    read.into_iter().collect()
}

fn datasets(root: &Table) -> Option<Vec<Part>> {
    let list = root.needed("datasets")?.list(1, MAX_LIST)?;
    let mut seen = BTreeSet::new();
    let mut parts = Vec::new();
    for item in &list {
        let Some(table) = item.table() else { continue };
        let name = |key| table.needed(key).and_then(|entry| entry.parse::<Name>());
        let (opd, agent, dataset) = (name("opd"), name("agent"), name("dataset"));
        table.finish();
        let (Some(opd), Some(agent), Some(dataset)) = (opd, agent, dataset) else { continue };
        // Each has the folder of its server and name in the box.
        if !seen.insert((agent.clone(), dataset.clone())) {
            item.report(RecipeProblem::Twice(format!("{agent}/{dataset}")).into());
        }
        parts.push(Part { opd, agent, dataset });
    }
    (parts.len() == list.len()).then_some(parts)
}

fn limits(root: &Table) -> Option<RecipeLimits> {
    let table = root.needed("limits")?.table()?;
    let time = table.needed("time").and_then(|entry| delay(&entry));
    let memory = table.needed("memory").and_then(|entry| size(&entry, (32 * MIB, "32MiB"), (1 << 40, "1TiB")));
    let disk = table.needed("disk").and_then(|entry| size(&entry, (MIB, "1MiB"), (64 << 40, "64TiB")));
    let processes = table.needed("processes").and_then(|entry| entry.number(1, MAX_PROCESSES));
    table.finish();
    Some(RecipeLimits { time: time?, memory: memory?, disk: disk?, processes: processes? })
}

fn delay(entry: &Entry) -> Option<Delay> {
    let delay: Delay = entry.parse()?;
    if delay.seconds() > 24 * 3600 {
        entry.report(RecipeProblem::Limit(delay.to_string(), "1s", "24h").into());
        return None;
    }
    Some(delay)
}

fn size(entry: &Entry, least: (u64, &'static str), most: (u64, &'static str)) -> Option<Size> {
    let size: Size = entry.parse()?;
    if !(least.0..=most.0).contains(&size.bytes()) {
        entry.report(RecipeProblem::Limit(size.to_string(), least.1, most.1).into());
        return None;
    }
    Some(size)
}

/// Whether `path` is `folder` or below it.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path from the root, in its one form.
fn is_plain(path: &str) -> bool {
    let parts = path.strip_prefix('/').map(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
    parts == Some(true) && path.len() <= MAX_TEXT_BYTES && !path.contains(char::is_control)
}

fn programs(root: &Table) -> Vec<String> {
    let list = root.needed("programs").and_then(|entry| entry.list(1, MAX_LIST)).unwrap_or_default();
    let read = |entry: &Entry| {
        let path = entry.text()?;
        if !is_plain(path) || !FOLDERS.iter().any(|folder| is_below(path, folder)) {
            entry.report(RecipeProblem::Folder.into());
        }
        Some(path.to_owned())
    };
    list.iter().filter_map(read).collect()
}

fn env(root: &Table) -> BTreeMap<String, String> {
    let Some(table) = root.entry("env").and_then(|entry| entry.table()) else { return BTreeMap::new() };
    let mut env = BTreeMap::new();
    for (name, entry) in table.free() {
        let is_name = name.len() <= 64
            && name.bytes().next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !is_name || env.len() >= MAX_LIST {
            entry.report(RecipeProblem::Variable.into());
        }
        if let Some(text) = entry.text() {
            argument(&entry, text);
            env.insert(name, text.to_owned());
        }
    }
    env
}

fn argument(entry: &Entry, text: &str) {
    if text.len() > MAX_TEXT_BYTES || text.contains('\0') {
        entry.report(RecipeProblem::Argument.into());
    }
}

fn program(entry: &Entry, programs: &[String]) -> Option<Program> {
    let list = entry.list(1, MAX_ARGUMENTS)?;
    let mut argv = Vec::new();
    for item in &list {
        let text = item.text()?;
        argument(item, text);
        argv.push(text.to_owned());
    }
    let (path, first) = (argv.first()?, list.first()?);
    let is_there = programs.iter().any(|folder| is_below(path, folder)) || is_below(path, DATA);
    if !is_plain(path) || !is_there {
        first.report(RecipeProblem::Program.into());
    }
    Some(Program(argv))
}

fn ready(entry: &Entry, programs: &[String]) -> Option<Ready> {
    let table = entry.table()?;
    let run = table.needed("run").and_then(|entry| program(&entry, programs));
    let within = table.needed("within").and_then(|entry| delay(&entry));
    table.finish();
    Some(Ready { run: run?, within: within? })
}

fn expect(table: &Table) -> Expect {
    let text = |entry: Entry| {
        let text = entry.text()?;
        argument(&entry, text);
        Some(text.to_owned())
    };
    let expect = Expect {
        equals: table.entry("equals").and_then(text),
        matches: table.entry("matches").and_then(|entry| {
            argument(&entry, entry.text()?);
            entry.parse::<super::Pattern>()
        }),
        status: table.entry("status").and_then(|entry| entry.number(0, MAX_STATUS)),
        at_least: table.entry("at_least").and_then(|entry| whole(&entry)),
        at_most: table.entry("at_most").and_then(|entry| whole(&entry)),
        sha256: table.entry("sha256").and_then(|entry| {
            let text = entry.text()?;
            let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            if !is_hash {
                entry.report(RecipeProblem::Hash.into());
            }
            Some(text.to_owned())
        }),
    };
    if let (Some(_), Some(entry)) = (&expect.equals, table.entry("sha256")) {
        entry.report(RecipeProblem::Beside("sha256", "equals").into());
    }
    if let (Some(least), Some(most), Some(entry)) = (expect.at_least, expect.at_most, table.entry("at_most"))
        && most < least
    {
        entry.report(RecipeProblem::Beside("at_most", "at_least").into());
    }
    expect
}

fn whole(entry: &Entry) -> Option<i64> {
    let number = entry.whole();
    if number.is_none() {
        entry.report(RecipeProblem::Whole.into());
    }
    number
}
