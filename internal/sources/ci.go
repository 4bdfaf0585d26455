package sources

import (
	"path"
	"slices"
	"strings"
)

// A ciSystem holds the environment variables in which a CI system names the branches of the checked-out commit:
// branches whose newest commit it is, or will be.
type ciSystem struct {
	// when is a variable whose value must match is, a pattern of path.Match; "" always matches.
	when, is string
	// commit is the variable with the checked-out commit.
	commit string
	// branches are the variables with the name of a branch, with or without refs/heads/.
	branches []string
}

// ciSystems are the CI systems that check out a commit instead of a branch. The merge of a pull request counts as
// its target branch.
var ciSystems = []ciSystem{
	// docs.github.com/actions/reference/workflows-and-actions/variables; Gitea and Forgejo have the same.
	{commit: "GITHUB_SHA", branches: []string{"GITHUB_REF"}},
	{when: "GITHUB_REF", is: "refs/pull/*/merge", commit: "GITHUB_SHA", branches: []string{"GITHUB_HEAD_REF", "GITHUB_BASE_REF"}},
	// docs.gitlab.com/ci/variables/predefined_variables; the types merged_result and merge_train check out merged
	// results.
	{when: "GITLAB_CI", is: "true", commit: "CI_COMMIT_SHA", branches: []string{"CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"}},
	{when: "CI_MERGE_REQUEST_EVENT_TYPE", is: "merge*", commit: "CI_COMMIT_SHA", branches: []string{"CI_MERGE_REQUEST_TARGET_BRANCH_NAME"}},
	// learn.microsoft.com/azure/devops/pipelines/build/variables
	{commit: "BUILD_SOURCEVERSION", branches: []string{"BUILD_SOURCEBRANCH"}},
	{when: "BUILD_SOURCEBRANCH", is: "refs/pull/*/merge", commit: "BUILD_SOURCEVERSION", branches: []string{"SYSTEM_PULLREQUEST_SOURCEBRANCH", "SYSTEM_PULLREQUEST_TARGETBRANCH"}},
	// circleci.com/docs/reference/variables
	{commit: "CIRCLE_SHA1", branches: []string{"CIRCLE_BRANCH"}},
	// buildkite.com/docs/pipelines/configure/environment-variables
	{commit: "BUILDKITE_COMMIT", branches: []string{"BUILDKITE_BRANCH"}},
	// support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets
	{commit: "BITBUCKET_COMMIT", branches: []string{"BITBUCKET_BRANCH"}},
	// docs.drone.io/pipeline/environment/reference; DRONE_BRANCH is the target of a pull request, which Drone merges.
	{commit: "DRONE_COMMIT_SHA", branches: []string{"DRONE_BRANCH", "DRONE_SOURCE_BRANCH"}},
	// woodpecker-ci.org/docs/usage/environment; for a pull request CI_COMMIT_BRANCH is its target, not merged.
	{when: "CI_PIPELINE_EVENT", is: "push", commit: "CI_COMMIT_SHA", branches: []string{"CI_COMMIT_BRANCH"}},
	{when: "CI_PIPELINE_EVENT", is: "pull_request", commit: "CI_COMMIT_SHA", branches: []string{"CI_COMMIT_SOURCE_BRANCH"}},
	// plugins.jenkins.io/git: GIT_BRANCH begins with the remote's name. Multibranch pipelines set BRANCH_NAME, but
	// for a pull request CHANGE_BRANCH has the branch.
	{commit: "GIT_COMMIT", branches: []string{"GIT_BRANCH", "BRANCH_NAME", "CHANGE_BRANCH"}},
	// docs.travis-ci.com/user/environment-variables; TRAVIS_BRANCH is the target of a pull request, which is merged.
	{commit: "TRAVIS_COMMIT", branches: []string{"TRAVIS_BRANCH", "TRAVIS_PULL_REQUEST_BRANCH"}},
}

// ciBranches returns the branches that the environment names for a commit. A job may check out a commit or
// repository other than its own.
func ciBranches(env func(string) string, commit, remote string) (branches []string) {
	for _, ci := range ciSystems {
		if named := env(ci.commit); named != "" && named != "HEAD" && named != commit {
			continue
		}
		if ok, err := path.Match(ci.is, env(ci.when)); ci.when != "" && (!ok || err != nil) {
			continue
		}
		for _, variable := range ci.branches {
			branch := strings.TrimPrefix(env(variable), "refs/heads/")
			if variable == "GIT_BRANCH" {
				branch = strings.TrimPrefix(branch, remote+"/")
			}
			if branch != "" && !strings.HasPrefix(branch, "refs/") && !slices.Contains(branches, branch) {
				branches = append(branches, branch)
			}
		}
	}
	return branches
}
