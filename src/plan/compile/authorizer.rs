//! Authorizers: their function and what they must be shown.

use super::Compiler;
use super::stage::Binding;
use crate::definition::{child, item};
use crate::lang::context_names::{self, Reach};
use crate::model::v2;
use crate::plan::authorizer::{Authorizer, IdentitySource};

const FORMS: &str = "write route.request.header.NAME, route.request.querystring.NAME, stageVariables.NAME or context.NAME";

impl Compiler<'_> {
    /// An authorizer, or nothing after a problem was reported.
    pub(super) fn authorizer(
        &mut self,
        binding: &Binding<'_>,
        id: &str,
        model: &v2::Authorizer,
    ) -> Option<Authorizer> {
        let path = child(&child(binding.api_path, "authorizers"), id);
        let mut sources = Vec::new();
        for (index, text) in model.identity_source.iter().enumerate() {
            let path = item(&child(&path, "identitySource"), index);
            sources.extend(self.identity_source(&path, text));
        }
        let uri = child(&path, "authorizerUri");
        Some(Authorizer {
            id: id.into(),
            function: self.function(binding, &uri, &model.authorizer_uri)?,
            identity_sources: sources,
        })
    }

    fn identity_source(&mut self, path: &str, text: &str) -> Option<IdentitySource> {
        let forms: [(&str, fn(String) -> IdentitySource); 4] = [
            ("route.request.header.", IdentitySource::Header),
            ("route.request.querystring.", IdentitySource::QueryString),
            ("stageVariables.", IdentitySource::StageVariable),
            ("context.", IdentitySource::Context),
        ];
        let found = forms.into_iter().find_map(|(prefix, make)| {
            let name = text.strip_prefix(prefix).filter(|name| !name.is_empty())?;
            Some((prefix, make(name.to_owned())))
        });
        match found {
            None => {
                self.problem(path, format!("`{text}` is no identity source"), FORMS);
                None
            }
            Some(("context.", IdentitySource::Context(name))) => {
                if let Err(refused) = context_names::check(&name, Reach::Everywhere) {
                    self.problem(path, refused.problem, refused.remedy);
                }
                Some(IdentitySource::Context(name))
            }
            Some((_, source)) => Some(source),
        }
    }
}
