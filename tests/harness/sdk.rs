//! The unmodified AWS SDK for Rust, pointed at a server: plain HTTP, the tests' root credential, no retries.

use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::config::retry::RetryConfig;
use aws_sdk_apigateway::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_apigateway::error::{ProvideErrorMetadata, SdkError};
use std::fmt::Debug;

use crate::server::{Credential, Server};

/// A client of one server.
pub fn client(server: &Server) -> Client {
    client_with(server, &Credential::root())
}

/// A client that signs with this credential.
pub fn client_with(server: &Server, credential: &Credential) -> Client {
    let Credential { access_key_id, secret } = credential;
    let credentials = Credentials::new(access_key_id, secret, None, None, "tests");
    Client::from_conf(
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(format!("http://{}", server.control()))
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .build(),
    )
}

/// What the SDK understood of a refusal: status, code and message.
///
/// # Panics
/// When the call succeeded, or failed before there was an answer.
#[track_caller]
pub fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(
    outcome: Result<T, SdkError<E>>,
) -> (u16, String, String) {
    let error = outcome.expect_err("a refusal");
    let status = error.raw_response().expect("an answer").status().as_u16();
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    (status, text(error.code()), text(error.message()))
}
