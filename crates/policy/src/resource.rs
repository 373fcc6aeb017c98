//! The resource that a request is about.

/// An ARN of the form that API Gateway has: `arn:aws:apigateway:REGION::/PATH`, without an account.
///
/// A type of its own, because what is put together carelessly matches what it should not: with a region of
/// `x::/apikeys/y` taken from a request, `/restapis` would be a resource below `arn:aws:apigateway:*::/apikeys/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(Box<str>);

/// Why something is not a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResource {
    /// The region has other characters than a region's, or none.
    #[error("a region is one or more letters, digits and hyphens")]
    Region,
    /// The path is not absolute.
    #[error("the path of a resource begins with a slash")]
    Path,
}

impl Resource {
    /// `region` is the one that the request was signed for; `path` the request's, without its query. A colon in the
    /// path becomes `%3A`, as AWS writes the ARN in `/tags/UrlEncodedResourceARN`: a colon of the caller's must not
    /// pass for one of ours.
    pub fn new(region: &str, path: &str) -> Result<Self, InvalidResource> {
        let is_region = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if region.is_empty() || !region.bytes().all(is_region) {
            return Err(InvalidResource::Region);
        }
        if !path.starts_with('/') {
            return Err(InvalidResource::Path);
        }
        Ok(Self(["arn:aws:apigateway:", region, "::", &path.replace(':', "%3A")].concat().into()))
    }

    /// The ARN, for the refusal that names it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_arn_without_an_account() {
        let key = Resource::new("eu-west-1", "/apikeys/0604dt7kow").expect("a resource");
        assert_eq!(key.as_str(), "arn:aws:apigateway:eu-west-1::/apikeys/0604dt7kow");
    }

    #[test]
    fn has_no_colon_of_the_callers() {
        let tags =
            Resource::new("eu-west-1", "/tags/arn:aws:apigateway:eu-west-1::/apikeys/a").expect("a resource");
        assert_eq!(
            tags.as_str(),
            "arn:aws:apigateway:eu-west-1::/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A/apikeys/a"
        );
        for region in ["", "x::/apikeys/y", "eu west", "*", "eu/west"] {
            assert_eq!(Resource::new(region, "/restapis"), Err(InvalidResource::Region), "{region}");
        }
    }

    #[test]
    fn has_an_absolute_path() {
        for path in ["", "apikeys", ":/apikeys"] {
            assert_eq!(Resource::new("eu-west-1", path), Err(InvalidResource::Path), "{path}");
        }
    }
}
