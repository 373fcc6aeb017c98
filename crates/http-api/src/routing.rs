//! From method and raw path to operation.
//!
//! The path is matched as it came, segment by segment, and only then decoded: `%2F` never parts segments.

use crate::Operation;
use crate::input::InputError;
use crate::input::path::decode_segment;
use http::Method;
use matchit::Router;
use std::borrow::Cow;

/// Finds operations.
pub struct Routes(Router<Vec<(Method, Operation)>>);

/// What a method and a path name.
pub struct Route<'r> {
    /// The operation; for `POST /apikeys` it is CreateApiKey until `mode` is read.
    pub operation: Operation,
    /// The raw segments that stand for ids, where the path has them, in its order.
    ids: [Option<&'r str>; 2],
}

impl Default for Routes {
    fn default() -> Self {
        let mut paths: Vec<(&str, Vec<(Method, Operation)>)> = Vec::new();
        for operation in Operation::ALL {
            let (method, path) = operation.route();
            match paths.iter_mut().find(|(known, _)| *known == path) {
                // Of two operations on one route the first stands for both.
                Some((_, methods)) if methods.iter().any(|(known, _)| *known == method) => {}
                Some((_, methods)) => methods.push((method, operation)),
                None => paths.push((path, vec![(method, operation)])),
            }
        }
        let mut router = Router::new();
        for (path, methods) in paths {
            router.insert(path, methods).expect("the operations' paths do not collide");
        }
        Self(router)
    }
}

impl Routes {
    /// The operation on this route, if there is one.
    #[must_use]
    pub fn find<'r>(&self, method: &Method, path: &'r str) -> Option<Route<'r>> {
        let found = self.0.at(path).ok()?;
        let (_, operation) = found.value.iter().find(|(known, _)| known == method)?;
        let mut raw = found.params.iter().map(|(_, raw)| raw);
        Some(Route { operation: *operation, ids: [raw.next(), raw.next()] })
    }
}

impl<'r> Route<'r> {
    /// The id in the path, or the first of two, decoded; empty where the path has none.
    pub fn id(&self) -> Result<Cow<'r, str>, InputError> {
        decode_segment(self.ids[0].unwrap_or_default())
    }

    /// The second id in the path, decoded; empty where the path has less.
    pub fn second_id(&self) -> Result<Cow<'r, str>, InputError> {
        decode_segment(self.ids[1].unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_route() {
        let routes = Routes::default();
        for operation in Operation::ALL {
            let (method, path) = operation.route();
            let found = routes.find(&method, path).unwrap().operation;
            let shared = matches!(operation, Operation::ImportApiKeys);
            assert_eq!(found, if shared { Operation::CreateApiKey } else { operation });
        }
    }

    #[test]
    fn an_id_is_one_raw_segment_decoded_afterwards() {
        let routes = Routes::default();
        let route = routes.find(&Method::GET, "/apikeys/k%2F1%20%C3%A9").unwrap();
        assert_eq!(route.id().unwrap(), "k/1 é");
        assert!(routes.find(&Method::GET, "/apikeys/a%ff").unwrap().id().is_err());
    }

    #[test]
    fn an_arn_is_one_segment_and_two_ids_are_in_the_order_of_the_path() {
        let routes = Routes::default();
        let arn = "arn:aws:apigateway:us-east-1::/apikeys/gt748qoyk2";
        for sent in
            ["arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapikeys%2Fgt748qoyk2", &arn.replace('/', "%2f")]
        {
            let path = format!("/tags/{sent}");
            let route = routes.find(&Method::PUT, &path).unwrap();
            assert_eq!((route.operation, &*route.id().unwrap()), (Operation::TagResource, arn));
        }
        assert!(routes.find(&Method::PUT, &format!("/tags/{arn}")).is_none(), "its slashes part segments");
        let route = routes.find(&Method::PATCH, "/usageplans/pl%61n/keys/k%65y/usage").unwrap();
        assert_eq!((&*route.id().unwrap(), &*route.second_id().unwrap()), ("plan", "key"));
    }

    #[test]
    fn anything_else_is_no_route() {
        let routes = Routes::default();
        for path in ["/", "", "/apikeys/", "/apikeys/a/b", "/ApiKeys", "//apikeys", "/apikeys/a/", "*"] {
            assert!(routes.find(&Method::GET, path).is_none(), "{path}");
        }
        assert!(routes.find(&Method::PUT, "/apikeys").is_none());
    }
}
