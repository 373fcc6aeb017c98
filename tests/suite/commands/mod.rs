//! The commands of an operator, and what they leave on the disk. One file a command; `storage` is `serve` on SQLite, `endpoint`
//! what `export` and `import` do through a server that fails.

mod endpoint;
mod export;
mod import;
mod import_from_aws;
mod migrate;
mod storage;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use integration_tests::http::Request;
use integration_tests::server::{Server, ServerOptions, run};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::BINARY;

/// A folder with a database in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file of this folder, as the value of a flag.
    fn flag(&self, flag: &str, name: &str) -> String {
        format!("--{flag}={}", self.path(name).display())
    }

    fn storage(&self) -> String {
        format!("--storage=sqlite:{}", self.path("gatepost.db").display())
    }

    fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    fn serve_with(&self, args: &[&str]) -> Server {
        Server::start(&ServerOptions::new(BINARY).args(&[&self.storage()]).args(args))
    }

    /// A command on this folder's database.
    fn run(&self, args: &[&str]) -> Ended {
        let storage = self.storage();
        gatepost(&[args, &[storage.as_str()]].concat())
    }

    /// A server on this folder's database that does not come to serve.
    fn refused(&self, args: &[&str]) -> String {
        let listen =
            ["--control-listen=127.0.0.1:0", "--data-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
        let ended = self.run(&[&["serve"], &listen[..], args].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        let last = ended.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("gatepost: "), "{}", ended.stderr);
        last.to_owned()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }
}

/// A command that has come to its end.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

fn gatepost(args: &[&str]) -> Ended {
    let (code, stdout, stderr) = run(BINARY, args, &[]);
    Ended { code, stdout, stderr }
}

/// Makes a key with everything that a key can have, a plain one, and `more` imported ones.
fn fill(server: &Server, more: usize) {
    server
        .create(&json!({
            "name": "ключ \"full\"", "description": "two\nlines, one comma", "enabled": true, "customerId": "customer",
            "stageKeys": [{"restApiId": "api", "stageName": "prod"}, {"restApiId": "api", "stageName": "test"}],
            "tags": {"team": "ä ß", "empty": ""},
        }))
        .expect(201);
    server.key_named("plain");
    if more > 0 {
        let rows: String = (0..more).map(|nth| format!("imported {nth},{}\n", server.value())).collect();
        server.import("", &format!("name,key\n{rows}")).expect(201);
    }
}

/// The members of keys that every move keeps, in an order of their own.
fn moved(keys: Vec<Value>) -> Vec<Value> {
    let mut keys: Vec<Value> = keys
        .into_iter()
        .map(|mut key| {
            let members = key.as_object_mut().expect("a key");
            for lost in ["id", "createdDate", "lastUpdatedDate"] {
                members.remove(lost);
            }
            key
        })
        .collect();
    keys.sort_by_key(|key| key["value"].as_str().map(str::to_owned));
    keys
}

/// Makes a full plan and a bare one, with the keys of these ids in the full one.
fn plan(server: &Server, keys: &[&str]) -> Vec<Value> {
    let post = |target: &str, body: &Value| server.send(&Request::json("POST", target, body)).expect(201);
    post("/usageplans", &json!({"name": "bare"}));
    let full = post(
        "/usageplans",
        &json!({
            "name": "full", "description": "d", "tags": {"team": "ä ß"},
            "apiStages": [{"apiId": "a", "stage": "x", "throttle": {"/pets/GET": {"rateLimit": 0.5, "burstLimit": 1}}}],
            "throttle": {"rateLimit": 10.0, "burstLimit": 20},
            "quota": {"limit": 7, "offset": 6, "period": "WEEK"},
        }),
    );
    let id = full["id"].as_str().unwrap();
    let code = json!({"patchOperations": [{"op": "add", "path": "/productCode", "value": "6vdsh72nf4"}]});
    server.send(&Request::json("PATCH", &format!("/usageplans/{id}"), &code)).expect(200);
    for key in keys {
        post(&format!("/usageplans/{id}/keys"), &json!({"keyId": key, "keyType": "API_KEY"}));
    }
    plans_of(server)
}

/// All plans, newest first, each with its keys.
fn plans_of(server: &Server) -> Vec<Value> {
    let mut plans = server.get("/usageplans").expect(200)["item"].as_array().unwrap().clone();
    for plan in &mut plans {
        let keys = server.get(&format!("/usageplans/{}/keys", plan["id"].as_str().unwrap())).expect(200);
        plan["keys"] = keys["item"].clone();
    }
    plans
}
