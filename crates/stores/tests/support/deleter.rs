//! A client that does what no store does: delete.
#![allow(dead_code)] // Each test program uses a part of it.

use std::collections::HashMap;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

pub struct Deleter {
    runtime: tokio::runtime::Runtime,
    client: aws_sdk_s3::Client,
}

impl Deleter {
    pub fn new(env: &HashMap<String, String>) -> Self {
        let keys = Credentials::new(&env["AWS_ACCESS_KEY_ID"], &env["AWS_SECRET_ACCESS_KEY"], None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&env["AWS_ENDPOINT_URL"])
            .region(Region::new("us-east-1"))
            .force_path_style(true)
            .credentials_provider(keys)
            .build();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { runtime, client: aws_sdk_s3::Client::from_conf(config) }
    }

    pub fn version(&self, key: &str) -> String {
        let asked = self.client.head_object().bucket("pulih").key(key);
        self.runtime.block_on(asked.send()).unwrap().version_id.unwrap()
    }

    /// Asks for a version to be deleted, with all rights there are.
    pub fn delete(&self, key: &str, version: &str) {
        for bypass in [false, true] {
            let ask = self.client.delete_object().bucket("pulih").key(key).version_id(version);
            let _ = self.runtime.block_on(ask.set_bypass_governance_retention(bypass.then_some(true)).send());
        }
    }

    /// Deletes as clients do that know no versions.
    pub fn hide(&self, key: &str) {
        self.runtime.block_on(self.client.delete_object().bucket("pulih").key(key).send()).unwrap();
    }

    pub fn is_there(&self, key: &str, version: &str) -> bool {
        let look = self.client.head_object().bucket("pulih").key(key).version_id(version);
        match self.runtime.block_on(look.send()) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.raw_response().map(|answer| answer.status().as_u16()), Some(404), "{error:?}");
                false
            }
        }
    }
}
