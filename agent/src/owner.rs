//! What goes between a server and the place where the OPD's owner key is: a *request*, which says
//! what shall be signed, and the *answer*, which is signed. `docs/contracts/owner.md`.
//!
//! Both are carried by hand and believed by nobody: the owner signs what was understood and shown,
//! never bytes as they came; the server takes an answer only to what it asked.

mod answer;
mod request;

pub use answer::Answer;
pub use request::{Act, DraftText, Request};

/// Of a request or answer: above any description, with room for how JSON writes it.
pub const MAX_FILE_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use pulih_vault::description::agent_key_name;
    use pulih_vault::id::VaultId;
    use pulih_vault::note::SigningKey;
    use ring::rand::SystemRandom;
    use serde_json::Value;

    use super::*;

    /// The fields that tables of a section name.
    fn fields_of(section: &str) -> BTreeSet<String> {
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let first = rows.map(|row| row.split(" | ").next().unwrap());
        first.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect()
    }

    fn keys_of(value: &Value, into: &mut BTreeSet<String>) {
        into.extend(value.as_object().unwrap().keys().cloned());
    }

    #[test]
    fn the_contract_names_these_fields_and_no_others() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/owner.md");
        let page = std::fs::read_to_string(page).unwrap();
        let section = |title: &str| page.split(title).nth(1).unwrap().split("\n## ").next().unwrap();

        let random = SystemRandom::new();
        let vault = VaultId([1; 16]);
        let agent = SigningKey::generate(&agent_key_name(vault), &random).unwrap().verifier();
        let draft = pulih_vault::description::Draft {
            vault,
            class: pulih_vault::description::Class::Publik,
            chunker: pulih_vault::chunker::ChunkSizes::DEFAULT,
            recipients: vec!["age1".into()],
            agent: agent.clone(),
            predecessor: None,
            secrets: String::new(),
        };
        let adopt = Act::Adopt { description: String::new(), agent, transport: String::new() };
        let mut said = BTreeSet::new();
        for (act, name) in [(Act::Make(draft), "make"), (adopt, "adopt")] {
            let request = Request { host: "x".into(), act }.to_json();
            let request: Value = serde_json::from_str(&request).unwrap();
            keys_of(&request, &mut said);
            keys_of(&request["act"][name], &mut said);
        }
        assert_eq!(fields_of(section("\n## Request\n")), said);

        let answer = Answer::sign("", None, &SigningKey::generate("pulih-owner", &random).unwrap());
        let mut said = BTreeSet::new();
        keys_of(&serde_json::from_str(answer.lines().next().unwrap()).unwrap(), &mut said);
        assert_eq!(fields_of(section("\n## Answer\n")), said);
        assert!(page.contains(&format!("{} MiB", MAX_FILE_BYTES >> 20)));
    }
}
