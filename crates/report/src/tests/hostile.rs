//! Every text of a report replaced by one that means harm.

use serde_json::Value;

use super::data::{Both, Continuity};
use super::example;

/// Typst's own syntax, an overlong word, and what turns or hides text.
pub const MARKUP: &str =
    "*tebal* _x_ #panic(\"a\") #let y = 1; $x^2$ `raw` <label> @ref = // /* \\ ] } ) https://x.y [a](b)";
pub const LONG: &str = "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW";
pub const TURNED: &str = "gpj\u{202e}exe.\u{2066}🔥\0\u{200b}";

/// Free texts of the data. Names, hashes and times have their own rules, and long ones are there too.
pub fn hostile() -> Continuity {
    let mut data = example::small();
    let mut n = 0;
    let mut harm = |text: &mut String| {
        n += 1;
        [MARKUP, LONG, TURNED][n % 3].clone_into(text);
    };
    harm(&mut data.number);
    harm(&mut data.site.regency);
    harm(&mut data.site.office);
    data.checkpoints.iter_mut().for_each(|its| harm(&mut its.site));
    for its in &mut data.approval {
        [&mut its.position, &mut its.name, &mut its.nip].into_iter().for_each(&mut harm);
    }
    for its in &mut data.basis {
        its.clauses.iter_mut().for_each(&mut harm);
        harm(&mut its.title.id);
    }
    for its in &mut data.scope.places {
        [&mut its.site, &mut its.regency, &mut its.operator, &mut its.provider].into_iter().for_each(&mut harm);
    }
    for its in &mut data.scope.components {
        [&mut its.name, &mut its.opd, &mut its.class].into_iter().for_each(&mut harm);
    }
    for its in &mut data.organisation {
        [&mut its.name, &mut its.role, &mut its.contact].into_iter().for_each(&mut harm);
    }
    if let Some(its) = &mut data.test {
        [&mut its.drill, &mut its.title, &mut its.plan, &mut its.scenario.id, &mut its.text]
            .into_iter()
            .for_each(&mut harm);
        if let Some(its) = &mut its.auditor {
            [&mut its.name, &mut its.institution, &mut its.mandate].into_iter().for_each(&mut harm);
        }
    }
    for its in &mut data.steps {
        [&mut its.name, &mut its.service, &mut its.text].into_iter().for_each(&mut harm);
    }
    for its in &mut data.rpo {
        [&mut its.opd, &mut its.agent, &mut its.dataset, &mut its.class].into_iter().for_each(&mut harm);
    }
    data.rto_services.iter_mut().for_each(|its| harm(&mut its.service));
    for its in &mut data.rto_datasets {
        [&mut its.opd, &mut its.agent, &mut its.dataset, &mut its.class, &mut its.by].into_iter().for_each(&mut harm);
    }
    for its in &mut data.vital {
        [&mut its.function, &mut its.service, &mut its.recipe, &mut its.text].into_iter().for_each(&mut harm);
    }
    for its in &mut data.findings {
        [&mut its.text, &mut its.owner].into_iter().for_each(&mut harm);
    }
    if let Some(its) = &mut data.judgement {
        its.qualifies = false;
        its.wrong = vec![MARKUP.into(), LONG.into(), TURNED.into()];
    }
    [&mut data.minutes.number, &mut data.minutes.place].into_iter().for_each(&mut harm);
    for its in &mut data.minutes.witnesses {
        [&mut its.name, &mut its.institution].into_iter().for_each(&mut harm);
    }
    data.minutes.keys.iter_mut().for_each(|its| harm(&mut its.site));
    for its in &mut data.regulations {
        [&mut its.name, &mut its.title.id].into_iter().for_each(&mut harm);
        for its in &mut its.clauses {
            [&mut its.id, &mut its.place, &mut its.words.id, &mut its.reading.id, &mut its.why.id, &mut its.remedy.id]
                .into_iter()
                .for_each(&mut harm);
            its.entries.iter_mut().for_each(&mut harm);
            for its in &mut its.attested {
                [&mut its.asks.id, &mut its.by, &mut its.letter].into_iter().for_each(&mut harm);
            }
            its.warnings.iter_mut().for_each(|its| harm(&mut its.what.id));
        }
    }
    for its in &mut data.entries {
        [&mut its.site, &mut its.kind].into_iter().for_each(&mut harm);
    }
    data.remarks.iter_mut().for_each(|its| harm(&mut its.id));
    data
}

/// Harm, in turn, for each text that it is given.
#[derive(Default)]
pub struct Harm(usize);

impl Harm {
    pub fn text(&mut self, text: &mut String) {
        self.0 += 1;
        [MARKUP, LONG, TURNED][self.0 % 3].clone_into(text);
    }

    pub fn texts<const N: usize>(&mut self, all: [&mut String; N]) {
        all.into_iter().for_each(|text| self.text(text));
    }

    /// In both languages.
    pub fn both<const N: usize>(&mut self, all: [&mut Both; N]) {
        for its in all {
            self.text(&mut its.id);
            its.en.clone_from(&its.id);
        }
    }
}

/// Every text of the data.
pub fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(its) => found.push(its.clone()),
        Value::Array(its) => its.iter().for_each(|its| texts(its, found)),
        Value::Object(its) => its.values().for_each(|its| texts(its, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
