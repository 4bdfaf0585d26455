package sources

import (
	"slices"
	"testing"
)

func TestBranchesThatCINames(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"nothing", nil, nil},
		{"GitHub, a branch", map[string]string{"GITHUB_SHA": "c", "GITHUB_REF": "refs/heads/release/1.x"}, []string{"release/1.x"}},
		{"GitHub, a tag", map[string]string{"GITHUB_SHA": "c", "GITHUB_REF": "refs/tags/main"}, nil},
		{"GitHub, a pull request merged", map[string]string{"GITHUB_SHA": "c", "GITHUB_REF": "refs/pull/1/merge", "GITHUB_HEAD_REF": "topic", "GITHUB_BASE_REF": "main"}, []string{"topic", "main"}},
		{"GitHub, its target", map[string]string{"GITHUB_SHA": "c", "GITHUB_REF": "refs/heads/main", "GITHUB_HEAD_REF": "topic", "GITHUB_BASE_REF": "main"}, []string{"main"}},
		{"GitHub, another commit", map[string]string{"GITHUB_SHA": "d", "GITHUB_REF": "refs/heads/main"}, nil},
		{"GitLab, a branch", map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": "c", "CI_COMMIT_BRANCH": "main"}, []string{"main"}},
		{"GitLab, a merge request", map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": "c", "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
			"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}, []string{"topic"}},
		{"GitLab, merged results", map[string]string{"GITLAB_CI": "true", "CI_COMMIT_SHA": "c", "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
			"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}, []string{"topic", "main"}},
		{"Azure, a branch", map[string]string{"BUILD_SOURCEVERSION": "c", "BUILD_SOURCEBRANCH": "refs/heads/main"}, []string{"main"}},
		{"Azure, a pull request", map[string]string{"BUILD_SOURCEVERSION": "c", "BUILD_SOURCEBRANCH": "refs/pull/1/merge",
			"SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/topic", "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"}, []string{"topic", "main"}},
		{"CircleCI", map[string]string{"CIRCLE_SHA1": "c", "CIRCLE_BRANCH": "main"}, []string{"main"}},
		{"Buildkite, of HEAD", map[string]string{"BUILDKITE_COMMIT": "HEAD", "BUILDKITE_BRANCH": "main"}, []string{"main"}},
		{"Bitbucket", map[string]string{"BITBUCKET_COMMIT": "c", "BITBUCKET_BRANCH": "main"}, []string{"main"}},
		{"Drone, a pull request", map[string]string{"DRONE_COMMIT_SHA": "c", "DRONE_BRANCH": "main", "DRONE_SOURCE_BRANCH": "topic"}, []string{"main", "topic"}},
		{"Woodpecker, a push", map[string]string{"CI_PIPELINE_EVENT": "push", "CI_COMMIT_SHA": "c", "CI_COMMIT_BRANCH": "main"}, []string{"main"}},
		{"Woodpecker, a pull request", map[string]string{"CI_PIPELINE_EVENT": "pull_request", "CI_COMMIT_SHA": "c", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SOURCE_BRANCH": "topic"}, []string{"topic"}},
		{"Jenkins", map[string]string{"GIT_COMMIT": "c", "GIT_BRANCH": "origin/main"}, []string{"main"}},
		{"Jenkins, a pull request", map[string]string{"GIT_COMMIT": "c", "BRANCH_NAME": "PR-1", "CHANGE_BRANCH": "topic", "CHANGE_TARGET": "main"}, []string{"PR-1", "topic"}},
		{"Travis, a pull request", map[string]string{"TRAVIS_COMMIT": "c", "TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST_BRANCH": "topic"}, []string{"main", "topic"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ciBranches(func(name string) string { return tt.env[name] }, "c", "origin"); !slices.Equal(got, tt.want) {
				t.Errorf("the branches are %q, not %q", got, tt.want)
			}
		})
	}
}
