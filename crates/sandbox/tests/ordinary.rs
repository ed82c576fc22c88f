//! Recipes that do what recipes are for.

mod boxes;

use std::fs;

use boxes::{Place, cannot, shell};

#[test]
fn a_service_comes_up_on_its_data_answers_and_goes_down() {
    if cannot("a_service_comes_up_on_its_data_answers_and_goes_down") {
        return;
    }
    let place = Place::new("ordinary");
    fs::write(place.data().join("pasien"), "1\n2\n3\n").unwrap();
    let serve = "echo ready > /tmp/ready; trap 'exit 0' TERM; while [ -e /tmp/ready ]; do sleep 0.1; done; echo bye";
    let steps = [
        &shell("up", serve),
        "background = true\nready = { run = [\"/usr/bin/test\", \"-e\", \"/tmp/ready\"], within = \"30s\" }\n",
        &shell("ask", "cat /data/pasien"),
        "equals = \"1\\n2\\n3\\n\"\n",
        &shell("ask", "wc -l < /data/pasien"),
        "at_least = 3\nat_most = 3\n",
        &shell("ask", "id -u; exit 7"),
        "matches = \"^1000\"\nstatus = 7\n",
        &shell("ask", "echo new > /data/pasien && cat /data/pasien"),
        "sha256 = \"7aa7a5359173d05b63cfd682e3c38487f3cb4f7f1d60659fe59fab1505977d4c\"\n",
        &shell("down", "rm /tmp/ready"),
    ];
    let said = place.run(&steps.concat());
    said.holds("Passed", "");
    assert_eq!(said.output("up", 1), "bye\n");
    let order: Vec<&str> = said.programs.iter().map(|its| its["phase"].as_str().unwrap()).collect();
    assert_eq!(order, ["ready", "ask", "ask", "ask", "ask", "down", "up"]);
}
