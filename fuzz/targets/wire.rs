//! What a peer sends that is no object: bodies, tokens, names in paths, lists, notes of renewal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulih_protocol::enroll::{Enrolled, LapsedRenewal, Renewal, Renewed, Request};
use pulih_protocol::error::ErrorBody;
use pulih_protocol::grant::{Asked, Asking};
use pulih_protocol::hello::{Hello, Welcome};
use pulih_protocol::policy::PolicyInForce;
use pulih_protocol::report::{AgentView, Report, ReportTaken};
use pulih_protocol::token::Token;
use pulih_vault::layout::{DatasetName, Layout, ManifestName, vault_of};
use pulih_vault::note::Unverified;
use pulih_vault::store::ObjectName;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is understood is understood the same when it is said again.
fn comes_back<T: DeserializeOwned + Serialize + PartialEq>(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(data) {
        let again = serde_json::to_vec(&value).expect("it is JSON");
        assert!(serde_json::from_slice::<T>(&again).is_ok_and(|again| again == value));
    }
}

fuzz_target!(|data: &[u8]| {
    comes_back::<Request>(data);
    comes_back::<Enrolled>(data);
    comes_back::<Renewal>(data);
    comes_back::<Renewed>(data);
    comes_back::<Hello>(data);
    comes_back::<Welcome>(data);
    comes_back::<Asking>(data);
    comes_back::<Asked>(data);
    comes_back::<PolicyInForce>(data);
    comes_back::<AgentView>(data);
    comes_back::<Report>(data);
    comes_back::<ReportTaken>(data);
    comes_back::<ErrorBody>(data);
    if let Ok(note) = Unverified::parse(data) {
        comes_back::<LapsedRenewal>(note.claimed_text().as_bytes());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = text.parse::<Token>() {
        assert!(token.to_string().parse::<Token>().is_ok_and(|again| again == token));
    }
    if let Ok(name) = text.parse::<ObjectName>() {
        // What names an object of a vault names it in one way.
        if let Some(vault) = vault_of(&name)
            && (Layout { vault }).classify(&name).is_some()
        {
            assert!(name.as_str().starts_with(&format!("vaults/{vault}/")) && !name.as_str().contains(".."));
        }
    }
    if let Ok(dataset) = text.parse::<DatasetName>() {
        assert_eq!(dataset.as_str(), text);
    }
    if let Ok(name) = text.parse::<ManifestName>() {
        assert!(name.to_string().parse::<ManifestName>().is_ok_and(|again| again == name));
    }
});
