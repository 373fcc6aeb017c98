//! Listing credentials.

use crate::{AppError, Application};
use gatepost_domain::credentials::Credential;
use gatepost_domain::{AccountId, PageLimit, PageRequest};

impl Application {
    /// The credentials of an account, or of all, oldest first.
    pub async fn list_credentials(&self, account: Option<AccountId>) -> Result<Vec<Credential>, AppError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { after, limit: PageLimit::MAX };
            let page = self.storage.reader().list_credentials(request).await?;
            let of_account = |credential: &Credential| account.is_none_or(|one| one == credential.account);
            found.extend(page.items.into_iter().map(|stored| stored.credential).filter(of_account));
            after = page.next;
            if after.is_none() {
                found.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
                return Ok(found);
            }
        }
    }
}
