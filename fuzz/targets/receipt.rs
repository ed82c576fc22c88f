//! Receipts of further copies from arbitrary bytes; a harness that can sign gets past the signature.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::{signable, signed, site};
use pulih_ledger::receipt::Receipt;
use pulih_vault::note::SigningKey;

static SITE: LazyLock<SigningKey> = LazyLock::new(site);

fuzz_target!(|data: &[u8]| {
    let _ = Receipt::open(data, &SITE.verifier());
    let Some(text) = std::str::from_utf8(data).ok().and_then(signable) else { return };
    if let Ok(receipt) = Receipt::open(signed(text, &SITE).as_bytes(), &SITE.verifier()) {
        let again = receipt.sign(&SITE).expect("what was read can be signed");
        assert_eq!(Receipt::open(again.as_bytes(), &SITE.verifier()).expect("and read again"), receipt);
    }
});
